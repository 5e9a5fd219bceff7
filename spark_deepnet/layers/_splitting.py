"""What the layers of a network that is split into blocks exchange, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Exchange:
    """A vector that all blocks of a network that is cut exchange in a step."""

    size: int
    """Numbers a row: of the whole vector."""
    summed: bool = True
    """Else each block's own part of it goes to all, or is summed there alone."""


class Blocks(Protocol):
    """The blocks that one network is cut into, as its layers see them: all call the same, in the same order."""

    def sum(self, vector: np.ndarray) -> None:
        """The vector becomes the sum of all blocks' vectors."""

    def gather(self, chunks: Sequence[np.ndarray]) -> None:
        """Each block's chunk goes to all: chunk b is block b's."""

    def scatter(self, chunks: Sequence[np.ndarray]) -> None:
        """At block b, chunk b becomes the sum of all blocks' chunks b; the others are lost."""


def share_of(count: int, block: int, blocks: int) -> np.ndarray:
    """A block's entries of ``count``: a stretch, whose length differs by at most one between blocks."""
    each, more = divmod(count, blocks)  # as np.array_split, without the others' stretches
    start = block * each + min(block, more)
    return np.arange(start, start + each + (block < more))
