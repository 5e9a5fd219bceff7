"""Average pooling: the mean under each window (LeCun et al., 1990; Keras's AveragePooling2D, Caffe's AVE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.pooling import average_pool, average_pool_back
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._pooling import Pooling
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class AveragePool2D(Pooling, kind="average_pool2d"):
    """y[h, w, c] = sum of x[h s - top + i, w s - left + j, c] over the window's cells in the image / their number.

    x: (n, height, width, channels)   y: (n, windows down, windows across, channels)

    ``count_padding``: the number includes cells of the padding, as in Caffe and PyTorch, but none beyond it; False:
    only cells of the image, as in Keras.
    """

    count_padding: bool = True
    reads: ClassVar[str] = "x"  # it does not read x, but if windows overlap y must not be written over x

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        average_pool(np.ascontiguousarray(x), *self._over(x), y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            average_pool_back(np.ascontiguousarray(dy), *self._over(x), dx)

    def _over(self, x: np.ndarray) -> tuple[Window, tuple[int, int, int, int]]:
        _, window, after = self.place(x.shape[1:])
        return window, (window.top, window.left, *after) if self.count_padding else (0, 0, 0, 0)
