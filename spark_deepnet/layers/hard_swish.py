"""Hard swish: x times the hard sigmoid (Howard et al., ICCV 2019: MobileNetV3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = x_i min(max(x_i + 3, 0), 6) / 6"""
    T = y.dtype.type
    zero, three, six, sixth = T(0), T(3), T(6), T(1 / 6)
    for i in range(x.size):
        y[i] = x[i] * (min(max(x[i] + three, zero), six) * sixth)


@kernel
def _gradient(x, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = (x_i / 3 + 1 / 2) dy_i where -3 < x_i < 3, dy_i above, 0 below"""
    T = dx.dtype.type
    zero, half, third = T(0), T(1 / 2), T(1 / 3)
    for i in range(x.size):
        above = dy[i] if x[i] >= 3 else zero
        dx[i] = (third * x[i] + half) * dy[i] if -3 < x[i] < 3 else above


@dataclass(frozen=True, repr=False)
class HardSwish(Activation, kind="hard_swish"):
    """y = x min(max(x + 3, 0), 6) / 6, any shape."""

    reads: ClassVar[str] = "x"

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(x, dy, dx)
