"""Cuts a node's rows into parts, which threads compute at the same time.

Where rows are cut depends on shapes alone, and the parts of a weight's gradient are added in their order. So one thread,
which computes the parts one after another, gets the same bits as several.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.kernels.products import MIN_MULTIPLY_ADDS, PARTS
from spark_deepnet.layers.layer import Arrays, Call, Layer
from spark_deepnet.net.node import Node

CUT_MULTIPLE = 8
"""Rows of the first part: a multiple of the convolutions' tiles."""
ELEMENT_COST = 16
"""Multiply-adds in whose time a layer without matrix products reads or writes one number."""
MIN_WORK_PER_WEIGHT = 1024
"""Multiply-adds of a part for each number of its own array of gradients, which has to be filled and added."""


def row_parts(node: Node, n: int) -> tuple[slice, ...]:
    """The rows of each part of a pass of n rows; empty if they are not cut."""
    layer = node.layer
    each = (n // PARTS + CUT_MULTIPLE // 2) // CUT_MULTIPLE * CUT_MULTIPLE
    if not 0 < PARTS * layer.min_part_rows <= n or layer.by_row:
        return ()
    if layer.needs_all_reduce or layer.exchanges(node.x):
        return ()
    elements = prod(node.shape) + sum(map(prod, node.input_shapes))
    work = n * max(layer.multiply_adds(node.x), ELEMENT_COST * elements)
    numbers = sum(prod(weight.shape) for weight in layer.weights(node.x).values())
    if work < max(MIN_MULTIPLY_ADDS, PARTS * MIN_WORK_PER_WEIGHT * numbers):
        return ()
    return slice(each), slice(each, n)


@dataclass
class RowPart:
    """Some consecutive rows of the arguments of a node's layer."""

    rows: slice
    layer: Layer
    w: Arrays
    x: Any
    y: np.ndarray
    saved: Arrays
    dy: np.ndarray | None = None
    dx: Any = None
    gradients: Arrays | None = None
    call: Call | None = None
    """Of the last forward pass."""

    def forward(self, whole: Call) -> None:
        rows = self.rows
        lengths = None if whole.lengths is None else whole.lengths[rows]
        self.call = replace(whole, rows=whole.rows[rows], lengths=lengths, saved=self.saved)
        self.layer.forward(self.w, self.x, self.y, self.call)

    def backward(self) -> None:
        assert self.dy is not None
        assert self.call is not None
        assert self.gradients is not None
        self.layer.backward(self.w, self.x, self.y, self.dy, self.dx, self.gradients, self.call)


def cut(a: Any, rows: slice) -> Any:
    """Some rows of an array, of each of several, or of none."""
    if isinstance(a, tuple):
        return tuple(cut(each, rows) for each in a)
    return None if a is None else a[rows]
