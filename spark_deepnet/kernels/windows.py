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


@kernel
def reading(cell, size, stride, dilation, outputs):  # type: ignore[no-untyped-def]
    """(i, step, o, count): the outputs o, o - step dilation / stride, ... whose windows have cell as their cells i,
    i + step, ...; cell = o stride + i dilation, counted from where the padding begins."""
    first, step, count = 0, 1, 0
    for i in range(size):
        o, rest = divmod(cell - i * dilation, stride)
        if rest == 0 and 0 <= o < outputs:
            if count == 0:
                first = i
            elif count == 1:
                step = i - first
            count += 1
    return first, step, (cell - first * dilation) // stride, count
