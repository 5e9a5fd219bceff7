"""Sigmoid: the logistic function, which maps a score to a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import sigmoid
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = 1 / (1 + e^-x_i)"""
    for i in range(x.size):
        y[i] = sigmoid(x[i])


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = y_i (1 - y_i) dy_i"""
    one = dx.dtype.type(1)
    for i in range(y.size):
        dx[i] = y[i] * (one - y[i]) * dy[i]


@dataclass(frozen=True, repr=False)
class Sigmoid(Activation, kind="sigmoid"):
    """y = 1 / (1 + e^-x), any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
