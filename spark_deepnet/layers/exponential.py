"""Exponential: e^x, the mean of a count from its logarithm (the link of Poisson regression)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = e^x_i"""
    for i in range(x.size):
        y[i] = exp(x[i])


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = y_i dy_i"""
    for i in range(y.size):
        dx[i] = y[i] * dy[i]


@dataclass(frozen=True, repr=False)
class Exponential(Activation, kind="exponential"):
    """y = e^x, any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
