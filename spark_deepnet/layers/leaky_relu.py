"""Leaky ReLU: a small gradient below zero keeps units alive (Maas, Hannun and Ng, 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, negative_slope, y):  # type: ignore[no-untyped-def]
    """y_i = x_i where x_i > 0, else a x_i"""
    a = y.dtype.type(negative_slope)
    for i in range(x.size):
        y[i] = x[i] if x[i] > 0 else a * x[i]


@kernel
def _gradient(y, dy, negative_slope, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i where y_i > 0, else a dy_i"""
    a = dx.dtype.type(negative_slope)
    for i in range(y.size):
        dx[i] = dy[i] if y[i] > 0 else a * dy[i]


@dataclass(frozen=True, repr=False)
class LeakyRelu(Activation, kind="leaky_relu"):
    """y = x where x > 0, else negative_slope x, any shape. The default is PyTorch's; Keras's is 0.3."""

    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        if not self.negative_slope >= 0:
            raise ParamError(f"LeakyRelu: negative_slope must be at least 0, found {self.negative_slope}")

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, self.negative_slope, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, self.negative_slope, dx)
