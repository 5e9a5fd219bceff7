"""A block's units of a cut recurrent layer: after each step the blocks exchange their parts of the state."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from spark_deepnet.layers._collectives import blocks_of
from spark_deepnet.layers._recurrent import Recurrent, Unroll
from spark_deepnet.layers.layer import Arrays, Exchange, Piece, Shape, Weight, share_of


@dataclass(frozen=True, repr=False)
class RecurrentPart(Recurrent):
    """A mixin, placed before the layer's class among the bases. ``units`` are the block's own, and W, b and the columns
    of U belong to them. The rows of U are those of all units, since a step reads the whole previous state. Forward, the
    parts of h are gathered; backward, d U^T, which is the gradient of the whole state, is summed over blocks, and each
    block needs its own part of the sum. Each of these costs one exchange per step.
    """

    block: int = field(default=0, kw_only=True)
    blocks: int = field(default=1, kw_only=True)
    all_units: int = field(default=0, kw_only=True)

    def weights(self, x: Shape) -> dict[str, Weight]:
        weights = super().weights(x)
        U = weights["U"]
        return weights | {"U": replace(U, shape=(self.all_units, U.shape[1]))}

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        """In addition the whole state before each step, its parts side by side, its gradient, and the others' part of
        that."""
        more: dict[str, tuple[Shape, Any]] = {"seen": ((x[0], self.all_units), None)}
        more["others"] = ((x[0], self.units), None)
        more |= dict.fromkeys(("parts", "carried"), ((1, self.all_units), None))
        return super().saves(x) | more

    def exchanges(self, x: Shape) -> tuple[Exchange, ...]:
        back = sum(not (self.truncate and s % self.truncate == 0) for s in range(1, x[0]))
        return (Exchange(self.all_units, summed=False),) * (x[0] - 1 + back)

    def multiply_adds(self, x: Shape) -> int:
        return x[0] * (x[1] + self.all_units) * self.gates * self.units

    def advance(self, w: Arrays, run: Unroll, first: int, last: int) -> None:
        for s in range(first, last):
            super().advance(w, run, s, s + 1)
            if s + 1 < len(run.kept["seen"]):
                self._gather(run, s + 1)

    def retreat(self, w: Arrays, run: Unroll, dy: np.ndarray, first: int, last: int, gradients: Arrays) -> None:
        for s in range(last - 1, first - 1, -1):
            k = s - first
            own = {name: run.kept[name][k : k + 1] for name in ("by_x", "by_h")}
            run.kept["carried"][...] = 0
            super().retreat(w, replace(run, kept=run.kept | own), dy, s, s + 1, gradients)
            if s > 0 and not (self.truncate and s % self.truncate == 0):
                self._carry(run, s)

    def _gather(self, run: Unroll, s: int) -> None:
        """The whole state before step s; in a pass without exchange the others' parts are the remembered ones."""
        places = self._places(run.kept["seen"][s])
        if not run.call.exchange_now:
            places[self.block][...] = run.kept["h"][s]
            return
        chunks = self._chunks(run, places)
        chunks[self.block][...] = run.kept["h"][s]
        blocks_of(run.call).gather(chunks)
        for place, chunk in zip(places, chunks, strict=True):
            place[...] = chunk

    def _carry(self, run: Unroll, s: int) -> None:
        """The gradient of the state before step s; the block's own part is carried on."""
        places, dh, others = self._places(run.kept["carried"][0]), run.kept["dh"][0], run.kept["others"][s]
        own = places[self.block]
        if run.call.exchange_now:
            chunks = self._chunks(run, places)
            for place, chunk in zip(places, chunks, strict=True):
                chunk[...] = place
            blocks_of(run.call).scatter(chunks)
            np.subtract(chunks[self.block], own, out=others)
        own += others
        if not self.skips:
            dh[...] = 0
        dh += own

    def _places(self, whole: np.ndarray) -> list[np.ndarray]:
        """Each block's entries of (n, all units)."""
        return np.array_split(whole, self.blocks, axis=1)

    def _chunks(self, run: Unroll, places: list[np.ndarray]) -> list[np.ndarray]:
        """The same parts, each contiguous."""
        flat = np.split(run.kept["parts"].reshape(-1), np.cumsum([place.size for place in places])[:-1])
        return [chunk.reshape(place.shape) for chunk, place in zip(flat, places, strict=True)]


def cut_units(layer: Recurrent, part: type[RecurrentPart], block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
    """A block's share of the units in every gate."""
    if layer.units < blocks:
        return None
    own = share_of(layer.units, block, blocks)
    columns = (np.arange(layer.gates)[:, None] * layer.units + own).reshape(-1)
    arguments = {f.name: getattr(layer, f.name) for f in fields(layer)} | {"units": len(own)}
    piece = part(**arguments, block=block, blocks=blocks, all_units=layer.units)
    return Piece(piece, {name: {-1: columns} for name in "WUb"} | {"p": {-1: own}}), own
