"""Max pooling: the largest number under each window (Ranzato et al., CVPR 2007; Keras's MaxPooling2D, Caffe's MAX)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.pooling import max_pool, max_pool_back
from spark_deepnet.layers._pooling import Pooling
from spark_deepnet.layers._windows import pair
from spark_deepnet.layers.layer import Arrays, Call, Shape


@dataclass(frozen=True, repr=False)
class MaxPool2D(Pooling, kind="max_pool2d"):
    """y[h, w, c] = the largest x[h s - top + i, w s - left + j, c] over the cells (i, j) of the window inside the image.

    x: (n, height, width, channels)   y: (n, windows down, windows across, channels); the gradient goes to the first of
    equal numbers.
    """

    reads: ClassVar[str] = "x"  # backward reads ``kept``, but if windows overlap y must not be written over x

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        size = pair(self, "pool_size")
        return {"kept": (self.shape(x), np.uint8 if size[0] * size[1] <= 256 else np.int32)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        max_pool(np.ascontiguousarray(x), self.place(x.shape[1:])[1], y, call.saved["kept"])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            max_pool_back(call.saved["kept"], np.ascontiguousarray(dy), self.place(x.shape[1:])[1], dx)
