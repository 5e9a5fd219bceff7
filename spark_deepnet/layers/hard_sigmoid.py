"""Hard sigmoid: three straight pieces instead of the sigmoid (PyTorch's and Keras 3's form)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = min(max(x_i + 3, 0), 6) / 6"""
    T = y.dtype.type
    zero, three, six, sixth = T(0), T(3), T(6), T(1 / 6)
    for i in range(x.size):
        y[i] = min(max(x[i] + three, zero), six) * sixth


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i / 6 where 0 < y_i < 1, else 0"""
    T = dx.dtype.type
    zero, sixth = T(0), T(1 / 6)
    for i in range(y.size):
        dx[i] = sixth * dy[i] if 0 < y[i] < 1 else zero


@dataclass(frozen=True, repr=False)
class HardSigmoid(Activation, kind="hard_sigmoid"):
    """y = min(max(x + 3, 0), 6) / 6, any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
