"""Arrays that start on a cache line: some BLAS sum differently by alignment, and results must be equal bit for bit."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

CACHE_LINE_BYTES = 64  # bytes


def aligned(shape: int | tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """Zeros of the shape, C-contiguous, starting at a multiple of 64 bytes."""
    shape = (shape,) if isinstance(shape, int) else shape
    size = prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + CACHE_LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


class Room:
    """Reusable memory for matrices (n, columns) of any n: it grows as needed."""

    def __init__(self, columns: int, dtype: Any = np.float32) -> None:
        self._whole = aligned((0, columns), dtype)

    def rows(self, count: int) -> np.ndarray:
        """A (count, columns) matrix, not initialized."""
        if count > len(self._whole):
            self._whole = aligned((2 * count, self._whole.shape[1]), self._whole.dtype)
        return self._whole[:count]


def padded(count: int, itemsize: int = 4) -> int:
    """The count of items rounded up to whole cache lines."""
    per_line = CACHE_LINE_BYTES // itemsize
    return -(-count // per_line) * per_line
