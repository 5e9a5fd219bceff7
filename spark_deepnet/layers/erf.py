"""The error function, of which other frameworks build GELU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import erf, exp
from spark_deepnet.layers.layer import Activation

_AT_ZERO = 1.1283791670955126  # the gradient there, 2 / sqrt(pi)


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = erf(x_i)"""
    for i in range(x.size):
        y[i] = erf(x[i])


@kernel
def _gradient(x, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = 2 / sqrt(pi) e^(-x_i^2) dy_i"""
    at_zero = dx.dtype.type(_AT_ZERO)
    for i in range(x.size):
        dx[i] = at_zero * exp(-x[i] * x[i]) * dy[i]


@dataclass(frozen=True, repr=False)
class Erf(Activation, kind="erf"):
    """y = erf(x) = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, any shape."""

    reads: ClassVar[str] = "x"

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(x, dy, dx)
