"""ReLU: max(x, 0) (Nair and Hinton, 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Activation


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = max(x_i, 0)"""
    for i in range(x.size):
        y[i] = max(x[i], 0)


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i where y_i > 0, else 0"""
    for i in range(y.size):
        dx[i] = dy[i] if y[i] > 0 else 0


@dataclass(frozen=True, repr=False)
class Relu(Activation, kind="relu"):
    """y = max(x, 0), any shape."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        _gradient(y, dy, dx)
