"""Hard tanh: three straight pieces instead of the tanh (Collobert, 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = min(max(x_i, -1), 1)"""
    one = y.dtype.type(1)
    for i in range(x.size):
        y[i] = min(max(x[i], -one), one)


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i where -1 < y_i < 1, else 0"""
    zero = dx.dtype.type(0)
    for i in range(y.size):
        dx[i] = dy[i] if -1 < y[i] < 1 else zero


@dataclass(frozen=True, repr=False)
class HardTanh(Activation, kind="hard_tanh"):
    """y = min(max(x, -1), 1), any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
