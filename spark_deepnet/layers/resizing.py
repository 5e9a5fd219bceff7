"""Resizing: images brought to one size by bilinear interpolation (Keras's Resizing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._windows import check_count, check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def _between(i, size, cells):  # type: ignore[no-untyped-def]
    """(a, b, t): cell i of ``size`` lies between cells a and b of ``cells``, at (1 - t) a + t b"""
    at = (i + 0.5) * cells / size - 0.5
    at = min(max(at, 0.0), cells - 1.0)
    a = int(at)
    return a, min(a + 1, cells - 1), at - a


@kernel
def resize(x, y):  # type: ignore[no-untyped-def]
    """y[n, h, w, c] = the value of x[n, :, :, c] at (h, w), between the four cells around it"""
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            a, b, s = _between(h, y.shape[1], x.shape[1])
            for w in range(y.shape[2]):
                c, d, t = _between(w, y.shape[2], x.shape[2])
                p, q = y.dtype.type(s), y.dtype.type(t)
                for k in range(y.shape[3]):
                    top = x[n, a, c, k] + q * (x[n, a, d, k] - x[n, a, c, k])
                    bottom = x[n, b, c, k] + q * (x[n, b, d, k] - x[n, b, c, k])
                    y[n, h, w, k] = top + p * (bottom - top)


@kernel
def _backward(dy, dx):  # type: ignore[no-untyped-def]
    """dx = the sums of dy, each divided among its four cells"""
    dx[:] = 0
    for n in range(dy.shape[0]):
        for h in range(dy.shape[1]):
            a, b, s = _between(h, dy.shape[1], dx.shape[1])
            for w in range(dy.shape[2]):
                c, d, t = _between(w, dy.shape[2], dx.shape[2])
                p, q = dy.dtype.type(s), dy.dtype.type(t)
                for k in range(dy.shape[3]):
                    top, bottom = (1 - p) * dy[n, h, w, k], p * dy[n, h, w, k]
                    dx[n, a, c, k] += (1 - q) * top
                    dx[n, a, d, k] += q * top
                    dx[n, b, c, k] += (1 - q) * bottom
                    dx[n, b, d, k] += q * bottom


@dataclass(frozen=True, repr=False)
class Resizing(Layer, kind="resizing"):
    """y[h, w] = x at ((h + 1/2) rows / height - 1/2, (w + 1/2) columns / width - 1/2), bilinear, the border repeated.

    x: (n, rows, columns, channels)   y: (n, height, width, channels)

    As the first layer over a column of Spark's images it takes images of any size: each is resized as it is read, to whole
    numbers 0..255. Like Keras's it does not smooth first: to a small part of the size, resize images before.
    """

    height: int
    width: int
    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count(self, "height", "width")

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return (self.height, self.width, x[2])

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if x.shape == y.shape:
            y[...] = x
        else:
            resize(x, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None and dx.shape == dy.shape:
            dx[...] = dy
        elif dx is not None:
            _backward(dy, dx)
