"""The largest under a window for every number of channels around the sizes of vectors and strips, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.pooling import max_pool, max_pool_back
from spark_deepnet.kernels.windows import Window
from tests.kernels.guards import check, guarded

CHANNELS = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 50, 64, 65, 96] if JIT else [1, 5, 20]
WINDOWS = {
    "side by side": Window(2, 2, 2, 2, 1, 1, 0, 0),
    "overlapping": Window(3, 3, 2, 2, 1, 1, 0, 0),
    "with a border": Window(3, 2, 1, 1, 1, 1, 1, 1),
    "with gaps": Window(2, 2, 3, 3, 1, 1, 0, 0),
}
ROWS, SIZE = 3, (7, 6)


def outputs(window: Window) -> tuple[int, int]:
    down = (SIZE[0] + 2 * window.top - window.height) // window.row_stride + 1
    return down, (SIZE[1] + 2 * window.left - window.width) // window.column_stride + 1


def pooled(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """(the largest cells, the number of each under its window)"""
    border = ((0, 0), (window.top, window.height), (window.left, window.width), (0, 0))
    x = np.pad(x.astype(np.float64), border, constant_values=-np.inf)
    height, width = outputs(window)
    cells = np.stack([
        x[:, i :: window.row_stride, j :: window.column_stride][:, :height, :width]
        for i in range(window.height)
        for j in range(window.width)
    ])  # fmt: skip
    return cells.max(axis=0), cells.argmax(axis=0)


def spread(dy: np.ndarray, kept: np.ndarray, window: Window, channels: int) -> np.ndarray:
    """dx of the cells that were kept"""
    dx = np.zeros((ROWS, SIZE[0] + 2 * window.height, SIZE[1] + 2 * window.width, channels))
    for n, h, w, c in np.ndindex(dy.shape):
        i, j = divmod(int(kept[n, h, w, c]), window.width)
        dx[n, h * window.row_stride + i, w * window.column_stride + j, c] += dy[n, h, w, c]
    return dx[:, window.top : window.top + SIZE[0], window.left : window.left + SIZE[1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_largest_and_its_gradient_are_numpys(channels: int, name: str, dtype: Any) -> None:
    window, chance = WINDOWS[name], np.random.default_rng(5)
    x = chance.normal(size=(ROWS, *SIZE, channels)).astype(dtype)
    largest, kept = pooled(x, window)
    dy = chance.normal(size=largest.shape).astype(dtype)
    y, y_room = guarded(dy.shape, dtype)
    numbers, numbers_room = guarded(dy.shape, np.uint8)
    dx, dx_room = guarded(x.shape, dtype)
    max_pool(x, window, y, numbers)
    max_pool_back(numbers, dy, window, dx)
    check(y, y_room, largest)
    check(numbers, numbers_room, kept)
    check(dx, dx_room, spread(dy, kept, window, channels))
