"""Windows that slide over images: where they lie over the cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spark_deepnet.kernels.jit import kernel


class Window(NamedTuple):
    """Output (h, w) sees the cells (h row_stride - top + i row_dilation, w column_stride - left + j column_dilation),
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
    """A flat array of so many of like's numbers that starts on a cache line, not yet written."""
    line = 64 // like.itemsize
    raw = np.empty(count + line, like.dtype)
    start = (-raw.ctypes.data % 64) // like.itemsize
    return raw[start : start + count]


@kernel
def inside(a, b, start, step, size):  # type: ignore[no-untyped-def]
    """Those i of a <= i < b for which 0 <= start + i step < size, as (first, end); none where first >= end"""
    if step == 1:
        return max(a, -start), min(b, size - start)
    return max(a, -(start // step)), min(b, -((start - size) // step))


@kernel
def copy(x, a, count, y, b):  # type: ignore[no-untyped-def]
    """y[b + i] = x[a + i] for i < count; a slice that is set to another compiles slowly, for the sake of its errors"""
    for i in range(count):
        y[b + i] = x[a + i]
