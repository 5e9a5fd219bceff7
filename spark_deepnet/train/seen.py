"""Gradients of few rows: summed over the ranks and stepped by these rows alone, wherever no others change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rows import RowSum
from spark_deepnet.kernels.gather import gather_rows
from spark_deepnet.kernels.memory import Room
from spark_deepnet.kernels.sparse import put_rows
from spark_deepnet.net.run import Runner
from spark_deepnet.net.seen import Seen, outside
from spark_deepnet.net.weights import Run, run_of
from spark_deepnet.plan.plan import Recipe

NO_ROWS = np.zeros(0, np.int32)
Move = Callable[[np.ndarray, np.ndarray, tuple[np.ndarray, ...], Run], None]
"""(weights, gradients, the optimizer's vectors, the weights' factors): weights and vectors are changed."""


class SeenRows:
    """What of the flat vector of gradients stands apart in a step. channel: over which rows go; None: they are summed as
    all other gradients are."""

    def __init__(self, recipe: Recipe, runner: Runner, channel: Channel | None) -> None:
        self.seen = runner.seen if runner.sparse else []
        self.fixed = slice(runner.layout.varying, runner.layout.size)
        """The gradients of weights that nothing changes: nobody needs their sum."""
        self.compressed = recipe.compression is not None
        optimizer = recipe.optimizer
        self.decays = bool(recipe.l1 or recipe.l2)
        self.by_row = {
            s.slot.name: s.slot.weight.fixed or (optimizer.by_row and not (self.decays and s.slot.weight.decay_factor))
            for s in self.seen
        }
        """Whether a step changes no weights but those of the rows that have gradients."""
        self._sums: dict[str, RowSum] = {}
        if channel is not None and not self.compressed:  # what compresses wants all gradients
            self._sums = {s.slot.name: RowSum(channel, *s.rows.shape) for s in self.seen if not s.slot.weight.fixed}
        self._rooms: dict[tuple[str, int], Room] = {}

    def nothing(self, gradients: np.ndarray) -> None:
        """A rank without rows has no gradients."""
        for seen in self.seen:
            seen.take(NO_ROWS)
        for stretch in self.rest(slice(0, gradients.size)):
            gradients[stretch] = 0

    def sum(self, vector: np.ndarray, all_reduce: Callable[[np.ndarray], None]) -> None:
        """The vector, and what stands apart from it, become the sums over all ranks."""
        for seen in self.seen:
            if seen.slot.weight.fixed and not self.compressed:
                continue
            row_sum = self._sums.get(seen.slot.name)
            summed = None if row_sum is None else row_sum(seen.index if seen.apart else None, seen.values)
            if summed is None:
                seen.spread()
                seen.whole()
            else:
                seen.put(*summed)
        if self.compressed:
            vector[self.fixed] = 0  # or they would be sent in place of others
        fixed = [] if self.compressed or self.fixed.start == self.fixed.stop else [self.fixed]
        apart = [seen.stretch for seen in self.seen if seen.apart and not seen.slot.weight.fixed]
        for stretch in outside(slice(0, vector.size), [*apart, *fixed]):
            all_reduce(vector[stretch])

    def settle(self) -> list[Seen]:
        """Those that are stepped by rows; the others go into the vector."""
        for seen in self.seen:
            if not self.by_row[seen.slot.name]:
                seen.spread()
                if self.decays:  # which is added to all gradients
                    seen.whole()
        return [seen for seen in self.seen if seen.apart]

    def rest(self, stretch: slice) -> list[slice]:
        """The parts of a stretch of the vector that hold gradients: what stands apart is left out."""
        return outside(stretch, [seen.stretch for seen in self.seen if seen.apart])

    def step(self, seen: Seen, flats: Sequence[np.ndarray], move: Move) -> None:
        """Move the rows that have gradients; flats: the weights and the optimizer's vectors, of which they are picked."""
        if seen.slot.weight.fixed:
            return
        picked = [self._picked(seen, k, flat) for k, flat in enumerate(flats)]
        w, *vectors = (rows.reshape(-1) for rows in picked)
        move(w, seen.values.reshape(-1), tuple(vectors), run_of(seen.slot))
        for rows, flat in zip(picked, flats, strict=True):
            put_rows(rows, seen.index, seen.of(flat))

    def _picked(self, seen: Seen, number: int, flat: np.ndarray) -> np.ndarray:
        """(k, d), in memory of their own."""
        room = self._rooms.setdefault((seen.slot.name, number), Room(seen.rows.shape[1], flat.dtype))
        rows = room.rows(len(seen.index))
        gather_rows(seen.of(flat), seen.index, rows)
        return rows
