"""The collective between scores that are cut over blocks and their loss: the blocks exchange a few numbers per row, but
no scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._collectives import Collective, blocks_of
from spark_deepnet.layers.layer import Call, Exchange, Shape


@dataclass(frozen=True, repr=False, eq=False)
class SplitLoss(Collective):
    """y = x;  dx = dy: this block's entries of the scores. Between the passes, ``exchange_stats`` exchanges the numbers
    that the loss needs."""

    block: int = 0
    entries: tuple[np.ndarray, ...] = ()
    """The entries of the scores' last axis, by block."""
    numbers: int = 0
    """Numbers that each block sends per row, or per step of it."""
    in_place: ClassVar[bool] = True

    @cached_property
    def places(self) -> np.ndarray:
        """(units,) int32: the place of each entry of the scores among this block's; -1: it is another block's."""
        places = np.full(sum(map(len, self.entries)), -1, np.int32)
        places[self.own] = np.arange(len(self.own))
        return places

    @property
    def own(self) -> np.ndarray:
        """This block's entries."""
        return self.entries[self.block]

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"stats": ((self._size(x),), None)}

    def exchanges(self, x: Shape) -> tuple[Exchange, ...]:
        return (Exchange(self._size(x), summed=False),) if self.numbers else ()

    def _size(self, x: Shape) -> int:
        return len(self.entries) * self.numbers * prod(x[:-1])

    def stats(self, call: Call) -> np.ndarray:
        """(blocks, numbers, rows): the numbers that each block has sent for each row, or each step of it."""
        flat = call.saved["stats"].reshape(-1)
        return flat.reshape(len(self.entries), self.numbers, flat.size // (len(self.entries) * max(1, self.numbers)))

    def exchange_stats(self, call: Call) -> None:
        """Exchange the blocks' numbers; in a pass without exchange the others' numbers stay the same."""
        if self.numbers and call.exchange_now:
            blocks_of(call).gather([chunk.reshape(-1) for chunk in self.stats(call)])
