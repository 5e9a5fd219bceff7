"""ELU: exponential linear unit (Clevert, Unterthiner and Hochreiter, ICLR 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import expm1
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, alpha, y):  # type: ignore[no-untyped-def]
    """y_i = x_i where x_i > 0, else a (e^x_i - 1)"""
    a = y.dtype.type(alpha)
    for i in range(x.size):
        y[i] = x[i] if x[i] > 0 else a * expm1(x[i])


@kernel
def _gradient(y, dy, alpha, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i where y_i > 0, else (y_i + a) dy_i"""
    a = dx.dtype.type(alpha)
    for i in range(y.size):
        dx[i] = dy[i] if y[i] > 0 else (y[i] + a) * dy[i]


@dataclass(frozen=True, repr=False)
class Elu(Activation, kind="elu"):
    """y = x where x > 0, else alpha (e^x - 1), any shape."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ParamError(f"Elu: alpha must be above 0, found {self.alpha}")

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, self.alpha, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, self.alpha, dx)
