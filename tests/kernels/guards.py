"""Arrays between numbers that a kernel has to leave as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

GUARD = 64
"""Numbers on both sides of the array."""
MARK = 123


def guarded(shape: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """An array, and the memory around it with a number that nothing computes."""
    size = int(np.prod(shape))
    room = np.full(size + 2 * GUARD, MARK, dtype)
    return room[GUARD : GUARD + size].reshape(shape), room


def check(found: np.ndarray, room: np.ndarray, expected: np.ndarray) -> None:
    tolerance = 1e-4 if found.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 10)
    assert (room[:GUARD] == MARK).all()
    assert (room[-GUARD:] == MARK).all()
