"""Convolutions of every number of channels and filters around the sizes of tiles: whole tiles, edges, both, and none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.convolution import convolve, convolve_back, convolve_weights
from spark_deepnet.kernels.jit import JIT
from spark_deepnet.kernels.windows import Window
from tests.kernels.guards import check, guarded

PLAIN = Window(3, 3, 1, 1, 1, 1, 1, 1)
CHANNELS = [1, 2, 3, 6, 8, 12, 16, 20, 24, 32] if JIT else [1, 3, 8, 12]
DEPTHWISE = [2, 5, 8, 9, 16, 20, 31, 32, 33, 37, 64, 70] if JIT else [2, 20, 37]
FILTERS = [1, 5, 8, 16, 20, 32, 50, 64] if JIT else [1, 8, 20]
CASES: dict[str, tuple[int, Window, int, int, int]] = {
    **{f"{c} to {f}": (9, PLAIN, c, f, 1) for c in CHANNELS for f in FILTERS},
    "one image": (1, PLAIN, 12, 20, 1),
    "fewer images than a tile": (5, PLAIN, 12, 20, 1),
    "many images": (26, PLAIN, 8, 20, 1),
    "groups": (9, PLAIN, 24, 40, 2),
    "groups of few": (9, PLAIN, 6, 10, 2),
    **{f"depthwise of {c}": (9, PLAIN, c, c, c) for c in DEPTHWISE},
    "depthwise with strides": (9, Window(3, 3, 2, 2, 1, 1, 1, 1), 20, 20, 20),
    "strides": (9, Window(3, 3, 2, 2, 1, 1, 1, 1), 12, 20, 1),
    "dilation": (9, Window(3, 2, 1, 1, 2, 2, 1, 1), 8, 20, 1),
    "no padding": (9, Window(3, 3, 1, 1, 1, 1, 0, 0), 12, 20, 1),
    "a window as large as the image": (9, Window(6, 5, 1, 1, 1, 1, 0, 0), 3, 20, 1),
    "one cell": (9, Window(1, 1, 1, 1, 1, 1, 0, 0), 12, 20, 1),
}
SIZE = (6, 5)


def reach(count: int, size: int, stride: int, dilation: int, before: int) -> int:
    """Outputs along an axis; ``before`` is also the padding behind."""
    return (count + 2 * before - (size - 1) * dilation - 1) // stride + 1


class Arrays:
    """One case: inputs, and what NumPy makes of them in float64."""

    def __init__(self, case: str, dtype: Any) -> None:
        images, self.window, channels, filters, self.groups = CASES[case]
        w, chance = self.window, np.random.default_rng(3)
        height = reach(SIZE[0], w.height, w.row_stride, w.row_dilation, w.top)
        width = reach(SIZE[1], w.width, w.column_stride, w.column_dilation, w.left)
        shapes = [(images, *SIZE, channels), (w.height, w.width, channels // self.groups, filters)]
        shapes += [(filters,), (images, height, width, filters)]
        self.x, self.W, self.b, self.dy = (chance.normal(size=shape).astype(dtype) for shape in shapes)

    def cells(self) -> Any:
        """(cell, its image under every output, its weights) of each cell of the window."""
        w, (_, height, width, _) = self.window, self.dy.shape
        padded = np.pad(self.x.astype(np.float64), ((0, 0), (w.top, w.top + 9), (w.left, w.left + 9), (0, 0)))
        for i in range(w.height):
            for j in range(w.width):
                rows = slice(i * w.row_dilation, i * w.row_dilation + height * w.row_stride, w.row_stride)
                first = j * w.column_dilation
                columns = slice(first, first + width * w.column_stride, w.column_stride)
                yield (i, j), (rows, columns), padded[:, rows, columns]

    def parts(self) -> list[tuple[slice, slice]]:
        """Channels and filters of each group."""
        c, f = self.x.shape[3] // self.groups, self.dy.shape[3] // self.groups
        return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(self.groups)]

    def forward(self) -> np.ndarray:
        y = np.zeros(self.dy.shape) + self.b
        for cell, _, seen in self.cells():
            for c, f in self.parts():
                y[..., f] += seen[..., c] @ self.W[cell][:, f].astype(np.float64)
        return y

    def weights(self) -> np.ndarray:
        dW = np.zeros(self.W.shape)
        for cell, _, seen in self.cells():
            for c, f in self.parts():
                dW[cell][:, f] = np.tensordot(seen[..., c], self.dy[..., f].astype(np.float64), ((0, 1, 2), (0, 1, 2)))
        return dW

    def back(self) -> np.ndarray:
        w, (n, height, width, channels) = self.window, self.x.shape
        dx = np.zeros((n, height + 2 * w.top + 9, width + 2 * w.left + 9, channels))
        for cell, (rows, columns), _ in self.cells():
            for c, f in self.parts():
                dx[:, rows, columns, c] += self.dy[..., f].astype(np.float64) @ self.W[cell][:, f].T
        return dx[:, w.top : w.top + height, w.left : w.left + width]


PASSES: dict[str, tuple[str, Callable[[Arrays, np.ndarray], None], Callable[[Arrays], np.ndarray]]] = {
    "forward": ("dy", lambda a, y: convolve(a.x, a.W, a.b, a.window, y), Arrays.forward),
    "gradient of weights": ("W", lambda a, dW: convolve_weights(a.x, a.dy, a.window, dW), Arrays.weights),
    "gradient of inputs": ("x", lambda a, dx: convolve_back(a.dy, a.W, a.window, dx), Arrays.back),
}
"""Pass -> the array whose shape the result has, the kernel, and the reference."""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PASSES)
def test_a_pass_is_numpys(name: str, case: str, dtype: Any) -> None:
    like, kernel, reference = PASSES[name]
    arrays = Arrays(case, dtype)
    result, room = guarded(getattr(arrays, like).shape, dtype)
    kernel(arrays, result)
    check(result, room, reference(arrays))
