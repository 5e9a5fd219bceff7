"""Global average pooling: the mean of each channel (Lin, Chen and Yan, ICLR 2014; Keras's GlobalAveragePooling2D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._windows import check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def _forward(x, y):  # type: ignore[no-untyped-def]
    """y[n, c] = mean over p of x[n, p, c]"""
    part = y.dtype.type(1 / x.shape[1])
    for n in range(x.shape[0]):
        y[n] = 0
        for p in range(x.shape[1]):
            for c in range(x.shape[2]):
                y[n, c] += x[n, p, c]
        for c in range(x.shape[2]):
            y[n, c] *= part


@kernel
def _backward(dy, dx):  # type: ignore[no-untyped-def]
    """dx[n, p, c] = dy[n, c] / cells"""
    part = dx.dtype.type(1 / dx.shape[1])
    for n in range(dx.shape[0]):
        for p in range(dx.shape[1]):
            for c in range(dx.shape[2]):
                dx[n, p, c] = part * dy[n, c]


@dataclass(frozen=True, repr=False)
class GlobalAveragePool2D(Layer, kind="global_average_pool2d"):
    """y_c = the mean over h, w of x[h, w, c].   x: (n, height, width, channels)   y: (n, channels)"""

    reads: ClassVar[str] = "x"  # its shape; y must not be written over x
    channelwise: ClassVar[bool] = True

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return None

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return (x[2],)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(_cells(x), y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _backward(np.ascontiguousarray(dy), _cells(dx))


def _cells(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x).reshape(len(x), x.shape[1] * x.shape[2], x.shape[3])
