"""Arrays that start on a cache line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.memory import CACHE_LINE_BYTES, Room, aligned, padded


@pytest.mark.parametrize("shape", [(), 0, 1, 7, (3, 5), (0, 4), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int32])
def test_aligned_zeros(shape: Any, dtype: Any) -> None:
    for _ in range(5):
        a = aligned(shape, dtype)
        assert a.shape == (shape if isinstance(shape, tuple) else (shape,))
        assert a.dtype == dtype
        assert a.ctypes.data % CACHE_LINE_BYTES == 0 or a.size == 0
        assert a.flags.c_contiguous
        assert a.flags.writeable
        assert not a.any()


def test_padded_fills_lines() -> None:
    assert [padded(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]
    assert [padded(count, 8) for count in (1, 8, 9)] == [8, 8, 16]


def test_a_room_grows_and_is_used_again() -> None:
    room = Room(3)
    first = room.rows(4)
    first[:] = 7
    assert (first.shape, first.dtype, room.rows(0).shape) == ((4, 3), np.float32, (0, 3))
    assert np.shares_memory(room.rows(6), first)
    assert not np.shares_memory(room.rows(9), first)
