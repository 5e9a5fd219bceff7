"""Softplus: a smooth ReLU (Dugas, Bengio, Bélisle, Nadeau and Garcia, NIPS 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import expm1, softplus
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = log(1 + e^x_i)"""
    for i in range(x.size):
        y[i] = softplus(x[i])


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = (1 - e^-y_i) dy_i, which is sigmoid(x_i) dy_i"""
    for i in range(y.size):
        dx[i] = -expm1(-y[i]) * dy[i]


@dataclass(frozen=True, repr=False)
class Softplus(Activation, kind="softplus"):
    """y = log(1 + e^x), any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
