"""Windows that slide over images: where they lie, and patches, the cells under them as rows of a matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spark_deepnet.kernels.jit import kernel

CACHE = 1 << 20
"""Bytes of scratch that stay in a core's second cache beside what is read and written."""


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
def inside(start, step, count, size):  # type: ignore[no-untyped-def]
    """(a, b): for a <= j < b, and no other j < count, 0 <= start + j step < size"""
    a = 0 if start >= 0 else (-start + step - 1) // step
    b = 0 if start >= size else (size - start + step - 1) // step
    b = min(count, b)
    return min(a, b), b


@kernel
def copy_patches(x, window, h, first, patches):  # type: ignore[no-untyped-def]
    """patches[w, i, j, c] = x[cell (i, j) of the window of output (h, w), first + c].   x: (rows, columns, channels)"""
    T = patches.dtype.type
    zero = T(0)
    for w in range(patches.shape[0]):
        left = w * window.column_stride - window.left
        a, b = inside(left, window.column_dilation, window.width, x.shape[1])
        for i in range(window.height):
            row = h * window.row_stride - window.top + i * window.row_dilation
            patch = patches[w, i]
            if row < 0 or row >= x.shape[0]:
                patch[:] = zero
                continue
            patch[:a] = zero
            patch[b:] = zero
            for j in range(a, b):
                column = left + j * window.column_dilation
                for c in range(patch.shape[1]):
                    patch[j, c] = x[row, column, first + c]


@kernel
def add_patches(patches, window, h, first, x):  # type: ignore[no-untyped-def]
    """x[cell (i, j) of the window of output (h, w), first + c] += patches[w, i, j, c]"""
    for w in range(patches.shape[0]):
        left = w * window.column_stride - window.left
        a, b = inside(left, window.column_dilation, window.width, x.shape[1])
        for i in range(window.height):
            row = h * window.row_stride - window.top + i * window.row_dilation
            if row < 0 or row >= x.shape[0]:
                continue
            for j in range(a, b):
                column = left + j * window.column_dilation
                for c in range(patches.shape[3]):
                    x[row, column, first + c] += patches[w, i, j, c]
