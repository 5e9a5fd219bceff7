"""Up-sampling: every cell repeated (nearest neighbour; Keras's UpSampling2D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import check_image, pair
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def _forward(x, rows, columns, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, c] = x[n, h // rows, w // columns, c]"""
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            for w in range(y.shape[2]):
                for c in range(y.shape[3]):
                    y[n, h, w, c] = x[n, h // rows, w // columns, c]


@kernel
def _backward(dy, rows, columns, dx):  # type: ignore[no-untyped-def]
    """dx[n, h, w, c] = the sum of dy over the cells that repeat it"""
    for n in range(dx.shape[0]):
        for h in range(dx.shape[1]):
            for w in range(dx.shape[2]):
                for c in range(dx.shape[3]):
                    dx[n, h, w, c] = 0
                for cell in range(rows * columns):
                    i, j = divmod(cell, columns)
                    for c in range(dx.shape[3]):
                        dx[n, h, w, c] += dy[n, h * rows + i, w * columns + j, c]


@dataclass(frozen=True, repr=False)
class UpSampling2D(Layer, kind="up_sampling2d"):
    """y[h, w, c] = x[h // rows, w // columns, c], ``size`` being (rows, columns) or one int for both.

    x: (n, height, width, channels)   y: (n, rows height, columns width, channels)
    """

    size: Any = 2
    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        pair(self, "size")

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        rows, columns = pair(self, "size")
        return (x[0] * rows, x[1] * columns, x[2])

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        return lengths * np.int32(pair(self, "size")[0])

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(x, *pair(self, "size"), y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None and dx.shape == dy.shape:
            dx[...] = dy
        elif dx is not None:
            _backward(dy, *pair(self, "size"), dx)
