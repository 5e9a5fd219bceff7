"""Tanh: the hyperbolic tangent, a sigmoid around zero (LeCun, Bottou, Orr and Müller, 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import tanh
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = tanh x_i"""
    for i in range(x.size):
        y[i] = tanh(x[i])


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = (1 - y_i^2) dy_i"""
    one = dx.dtype.type(1)
    for i in range(y.size):
        dx[i] = (one - y[i] * y[i]) * dy[i]


@dataclass(frozen=True, repr=False)
class Tanh(Activation, kind="tanh"):
    """y = tanh x, any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
