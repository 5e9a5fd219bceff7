"""SELU: the ELU whose outputs keep mean 0 and variance 1 (Klambauer, Unterthiner, Mayr and Hochreiter, NIPS 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import expm1
from spark_deepnet.layers.layer import Activation

_SCALE = 1.0507009873554805
_ALPHA = 1.6732632423543772


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = s x_i where x_i > 0, else s a (e^x_i - 1)"""
    T = y.dtype.type
    s, sa = T(_SCALE), T(_SCALE * _ALPHA)
    for i in range(x.size):
        y[i] = s * x[i] if x[i] > 0 else sa * expm1(x[i])


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = s dy_i where y_i > 0, else (y_i + s a) dy_i"""
    T = dx.dtype.type
    s, sa = T(_SCALE), T(_SCALE * _ALPHA)
    for i in range(y.size):
        dx[i] = (s if y[i] > 0 else y[i] + sa) * dy[i]


@dataclass(frozen=True, repr=False)
class Selu(Activation, kind="selu"):
    """y = s x where x > 0, else s a (e^x - 1),   s = 1.0507..., a = 1.6733...; any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
