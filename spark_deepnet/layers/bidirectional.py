"""A recurrent layer run in both directions (Schuster and Paliwal, 1997; Keras's Bidirectional)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.layers._factors import check_factors, factored
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._recurrent import Recurrent
from spark_deepnet.layers.layer import Arrays, Call, Exchange, Layer, Piece, Shape, Weight

MERGES = ("concat", "sum", "mul", "ave")
_Y = {"forward": "first_y", "backward": "second_y"}


@dataclass(frozen=True, repr=False)
class Bidirectional(Layer, kind="bidirectional"):
    """y = merge(f, b): f the layer's output from a row's first step to its last, b with its own weights from the last
    to the first; at each entry, or at the end of each direction. ``merge``: "concat" (f's features, then b's), "sum",
    "mul" or "ave", their mean.   x: (n, steps, i)   y: (n, steps, units or twice that), else without steps

    ``layer``: a SimpleRNN, LSTM or GRU that is not reversed.
    """

    layer: Any
    merge: str = "concat"

    def __post_init__(self) -> None:
        layer = Layer.of(self.layer)
        if not isinstance(layer, Recurrent) or layer.reverse:
            raise ParamError(f"Bidirectional: layer must be a recurrent layer without reverse, found {layer!r}")
        if self.merge not in MERGES:
            raise ParamError(f"Bidirectional: merge must be one of {', '.join(MERGES)}, found {self.merge!r}")

    min_part_rows: ClassVar[int] = Recurrent.min_part_rows

    @property
    def ways(self) -> dict[str, Recurrent]:
        layer: Any = Layer.of(self.layer)
        return {"forward": layer, "backward": replace(layer, reverse=True)}

    def shape(self, x: Shape) -> Shape:
        *steps, units = self.ways["forward"].shape(x)
        return (*steps, 2 * units if self.merge == "concat" else units)

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return self.ways["forward"].lengths(x, lengths)

    def weights(self, x: Shape) -> dict[str, Weight]:
        weights: dict[str, Weight] = {}
        for way, layer in self.ways.items():
            own = layer.weights(x)
            check_factors(layer, own)
            weights |= {f"{way}_{name}": weight for name, weight in factored(layer, own).items()}
        return weights

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        """A block's units of both directions: with "concat" two stretches of the output."""
        layer = self.ways["forward"]
        cut = layer.cut_outputs(x, block, blocks)
        if cut is None:
            return None
        piece, units = cut
        own = {f"{way}_{name}": axes for way in self.ways for name, axes in piece.weights.items()}
        entries = np.concatenate((units, units + layer.units)) if self.merge == "concat" else units
        return Piece(replace(self, layer=piece.layer), own), entries

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        """What the two directions keep, their outputs, the gradient of one output at a time, and the second one's
        gradient of x."""
        kept = {f"{way}_{k}": v for way, layer in self.ways.items() for k, v in layer.saves(x).items()}
        out = (self.ways["forward"].shape(x), None)
        return kept | {"first_y": out, "second_y": out, "dy": out, "second_dx": (x, None)}

    def exchanges(self, x: Shape) -> tuple[Exchange, ...]:
        return 2 * self.ways["forward"].exchanges(x)

    def multiply_adds(self, x: Shape) -> int:
        return 2 * self.ways["forward"].multiply_adds(x)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        for way, layer in self.ways.items():
            layer.forward(_of(way, w), x, call.saved[_Y[way]], _call(way, call))
        f, b = call.saved["first_y"], call.saved["second_y"]
        if self.merge == "concat":
            np.concatenate((f, b), axis=-1, out=y)
        elif self.merge == "mul":
            np.multiply(f, b, out=y)
        else:
            np.add(f, b, out=y)
            y *= 0.5 if self.merge == "ave" else 1.0

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        second = None if dx is None else call.saved["second_dx"]
        for way, layer, target in zip(self.ways, self.ways.values(), (dx, second), strict=True):
            part = call.saved["dy"]
            self._gradient(way, dy, call, part)
            layer.backward(_of(way, w), x, y, part, target, _of(way, gradients), _call(way, call))
        if dx is not None:
            dx += second

    def _gradient(self, way: str, dy: np.ndarray, call: Call, out: np.ndarray) -> None:
        """The gradient of one direction's output."""
        if self.merge == "concat":
            out[...] = np.split(dy, 2, axis=-1)[way == "backward"]
        elif self.merge == "mul":
            np.multiply(dy, call.saved[_Y["backward" if way == "forward" else "forward"]], out=out)
        else:
            np.multiply(dy, dy.dtype.type(0.5 if self.merge == "ave" else 1.0), out=out)


def _of(way: str, arrays: Arrays) -> Arrays:
    return {k.removeprefix(f"{way}_"): a for k, a in arrays.items() if k.startswith(f"{way}_")}


def _call(way: str, call: Call) -> Call:
    return replace(call, saved=_of(way, call.saved))
