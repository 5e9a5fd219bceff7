"""Swish, also SiLU: x sigmoid(x) (Ramachandran, Zoph and Le, 2017; Elfwing, Uchibe and Doya, 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import sigmoid
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = x_i s(x_i),   s(x) = 1 / (1 + e^-x)"""
    for i in range(x.size):
        y[i] = x[i] * sigmoid(x[i])


@kernel
def _gradient(x, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = s_i (1 + x_i (1 - s_i)) dy_i,   s_i = 1 / (1 + e^-x_i)"""
    one = dx.dtype.type(1)
    for i in range(x.size):
        s = sigmoid(x[i])
        dx[i] = s * (one + x[i] * (one - s)) * dy[i]


@dataclass(frozen=True, repr=False)
class Swish(Activation, kind="swish"):
    """y = x / (1 + e^-x), any shape."""

    reads: ClassVar[str] = "x"

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(x, dy, dx)
