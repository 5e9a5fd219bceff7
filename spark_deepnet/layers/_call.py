"""The circumstances of a pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from spark_deepnet.layers._arrays import Arrays
from spark_deepnet.layers._splitting import Blocks


def _alone(vector: np.ndarray) -> None:
    """The sum over one rank."""


@dataclass
class Call:
    """The circumstances of one pass of one layer over n rows."""

    training: bool = False
    key: np.uint64 = np.uint64(0)
    """A key of this layer in this step, for random layers."""
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """(n,) uint64: a number that belongs to each row wherever it lies, so that random layers do not depend on the
    number of workers."""
    lengths: np.ndarray | None = None
    """(n,) int32: of each row's first axis, how many entries are real; the rest of x and dy are zeros, and the rest of
    y and dx are set to zero afterwards. None: all are real. Those of several inputs are equal."""
    updates: int | None = None
    """How many steps the fit had made before this one; None: not known, or many."""
    refreshes: bool = False
    """Whether the pass is made for the sake of running statistics alone, ``updates`` such passes after the first: they
    become the means over the passes."""
    total: Callable[[np.ndarray], None] = _alone
    """Sums a float64 vector over all ranks, in place: for layers whose result depends on the whole batch."""
    blocks: Blocks | None = None
    """The other blocks of a network that is cut; None: it is whole."""
    exchange_now: bool = True
    """Whether the blocks exchange in this pass; else each goes by what it remembers of the others' last one."""
    saved: Arrays = field(default_factory=dict)
    """The arrays that ``saves`` declared, n rows each: filled by forward, read by backward."""
