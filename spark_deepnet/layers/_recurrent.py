"""Common parts of recurrent layers: fields, the order of the steps, and the matrix products over all steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.sequences import Order, from_steps, last_step, to_steps
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._sequences import check_flags, check_sequence, lengths_of
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape, Weight

GRADIENT_STEPS = 4
"""Number of steps whose gradients are kept before they are added to the weights' gradients: few enough to stay in the
cache."""


@dataclass(frozen=True)
class Unroll:
    """One pass over n rows."""

    kept: Arrays
    """What ``saves`` declared, as (steps, n, columns)."""
    order: Order
    call: Call = field(repr=False)


@dataclass(frozen=True, repr=False)
class Recurrent(Layer):
    """``sequences``: return the state after every step, otherwise after a row's last step. ``reverse``: run rows
    backward; the state at an entry then depends on what follows it. ``truncate``: truncated backpropagation through
    time, the gradient does not flow back across every ``truncate``-th step, counted as they are run (0: it flows
    through all). The initial state is zero.
    """

    units: int
    sequences: bool = False
    reverse: bool = False
    truncate: int = 0
    initializer: Any = "glorot_uniform"
    recurrent_initializer: Any = "orthogonal"
    min_part_rows: ClassVar[int] = 64
    reads: ClassVar[str] = ""  # it keeps x and its states in its own order
    gates: ClassVar[int] = 1
    """The number of columns of W and U, in units."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """The arrays that a step passes to the next."""
    skips: ClassVar[bool] = False
    """Whether a part of dh bypasses the gates of a step."""

    def __post_init__(self) -> None:
        check_count(self, "units")
        check_count(self, "truncate", least=0)
        check_flags(self, "sequences", "reverse")

    def parts(self) -> tuple[Layer, ...]:
        return (self,)

    def shape(self, x: Shape) -> Shape:
        check_sequence(self, x)
        return (x[0], self.units) if self.sequences else (self.units,)

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return lengths if self.sequences else None

    def weights(self, x: Shape) -> dict[str, Weight]:
        wide = self.gates * self.units
        first, again = Initializer.of(self.initializer), Initializer.of(self.recurrent_initializer)
        return {
            "W": Weight((x[1], wide), first, x[1], wide),
            "U": Weight((self.units, wide), again, self.units, wide),
            "b": Weight((wide,), Initializer.of("constant"), x[1], wide, decays=False),
        }

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        """The arrays that are stored steps first, though declared per row: see ``Unroll``."""
        few, wide = min(GRADIENT_STEPS, x[0]), self.gates * self.units
        kept = {"x": x, "dx": (few, x[1]), "by_x": (few, wide)}
        kept |= dict.fromkeys(self.states, (x[0] + 1, self.units))
        kept |= {f"d{name}": (1, self.units) for name in self.states}
        return {name: (shape, None) for name, shape in kept.items()}

    def multiply_adds(self, x: Shape) -> int:
        return x[0] * (x[1] + self.units) * self.gates * self.units

    def products(self, kept: Arrays) -> np.ndarray:
        """The buffer of x W: (steps, n, columns)."""
        return kept["gates"]

    def advance(self, w: Arrays, run: Unroll, first: int, last: int) -> None:
        """The states of the steps first..last - 1, from products and the state "seen" before."""
        raise NotImplementedError

    def retreat(self, w: Arrays, run: Unroll, dy: np.ndarray, first: int, last: int, gradients: Arrays) -> None:
        """The gradients "by_x" W and "by_h" U of the steps last - 1..first; db is added to. "U^T" takes a step's gradient to
        the state seen before, "carried"."""
        raise NotImplementedError

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        run = self._run(call, len(x))
        kept, order = run.kept, run.order
        to_steps(x, order, kept["x"])
        for name in (*self.states, "seen"):
            kept[name][0] = 0
        products = self.products(kept)
        for a, b in _parts(x.shape[1]):
            gemm(_lines(kept["x"][a:b]), w["W"], 0.0, _lines(products[a:b]))
            self.advance(w, run, a, b)
        if self.sequences:
            from_steps(kept["h"][1:], 0, order, y)
        else:
            last_step(kept["h"][1:], order, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        run = self._run(call, len(dy))
        kept, order = run.kept, run.order
        dy = np.ascontiguousarray(dy) if self.sequences else dy[:, None].copy()  # dx may overwrite it
        for array in (*gradients.values(), *(kept[f"d{name}"] for name in self.states)):
            array[...] = 0
        kept["U^T"] = _turned(w["U"])
        W_back = None if dx is None else _turned(w["W"])
        for a, b in reversed(list(_parts(len(kept["x"])))):
            self.retreat(w, run, dy, a, b, gradients)
            by_x, by_h = (_lines(kept[name][: b - a]) for name in ("by_x", "by_h"))
            gemm(_lines(kept["x"][a:b]).T, by_x, 1.0, gradients["W"])
            gemm(_lines(kept["seen"][a:b]).T, by_h, 1.0, gradients["U"])
            if W_back is not None:
                gemm(by_x, W_back, 0.0, _lines(kept["dx"][: b - a]))
                from_steps(kept["dx"][: b - a], a, order, dx)

    def _run(self, call: Call, n: int) -> Unroll:
        kept = {name: a.reshape(a.shape[1], n, a.shape[2]) for name, a in call.saved.items()}
        for name, same in (("seen", "h"), ("carried", "dh"), ("by_h", "by_x")):
            kept.setdefault(name, kept[same])
        return Unroll(kept, Order(lengths_of(call, call.saved["x"]), self.reverse, not self.sequences), call)


def _parts(steps: int) -> Iterator[tuple[int, int]]:
    return ((a, min(a + GRADIENT_STEPS, steps)) for a in range(0, steps, GRADIENT_STEPS))


def _lines(a: np.ndarray) -> np.ndarray:
    return a.reshape(a.shape[0] * a.shape[1], a.shape[2])


def _turned(a: np.ndarray) -> np.ndarray:
    """A contiguous copy of the transpose: BLAS is a quarter faster with it."""
    transposed = aligned(a.T.shape, a.dtype)
    transposed[...] = a.T
    return transposed
