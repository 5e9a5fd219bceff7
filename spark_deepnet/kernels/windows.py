"""Windows that slide over images: the cells that they cover."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spark_deepnet.kernels.jit import kernel


class Window(NamedTuple):
    """Output (h, w) reads the cells (h row_stride - top + i row_dilation, w column_stride - left + j column_dilation),
    i < height, j < width; cells outside the image are 0."""

    height: int
    width: int
    row_stride: int
    column_stride: int
    row_dilation: int
    column_dilation: int
    top: int
    left: int


@kernel
def scratch(count, like):  # type: ignore[no-untyped-def]
    """A flat, uninitialized array of ``count`` numbers of like's dtype that starts on a cache line."""
    line = 64 // like.itemsize
    raw = np.empty(count + line, like.dtype)
    start = (-raw.ctypes.data % 64) // like.itemsize
    return raw[start : start + count]


@kernel
def inside(a, b, start, step, size):  # type: ignore[no-untyped-def]
    """Those i of a <= i < b for which 0 <= start + i step < size, as (first, end); none if first >= end"""
    if step == 1:
        return max(a, -start), min(b, size - start)
    return max(a, -(start // step)), min(b, -((start - size) // step))


@kernel
def copy(x, a, count, y, b):  # type: ignore[no-untyped-def]
    """y[b + i] = x[a + i] for i < count; assigning a slice to another compiles slowly, because of its error handling"""
    for i in range(count):
        y[b + i] = x[a + i]
