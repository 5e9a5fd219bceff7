"""ReLU: max(x, 0) (Nair and Hinton, 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._activation import Activation, same_memory


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = max(x_i, 0)"""
    for i in range(x.size):
        y[i] = 0 if x[i] < 0 else x[i]


@kernel
def _overwrite(y):  # type: ignore[no-untyped-def]
    """y_i = max(y_i, 0)

    Two arrays that might overlap are no vectors to the compiler: copied piece by piece, 1.6 million numbers took ten times
    as long. Without ``abs`` it stores only what changes, which without mask registers takes ten times as long too."""
    for i in range(y.size):
        y[i] = 0 if y[i] < 0 else abs(y[i])


@kernel
def _overwrite_gradient(y, d):  # type: ignore[no-untyped-def]
    """d_i = d_i where y_i > 0, else 0"""
    for i in range(y.size):
        d[i] = d[i] if y[i] > 0 else 0


@kernel
def _gradient(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = dy_i where y_i > 0, else 0"""
    for i in range(y.size):
        dx[i] = dy[i] if y[i] > 0 else 0


@dataclass(frozen=True, repr=False)
class Relu(Activation, kind="relu"):
    """y = max(x, 0), any shape."""

    overwrites: ClassVar[bool] = True

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        if same_memory(x, y):
            _overwrite(y)
        else:
            _value(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        if same_memory(dy, dx):
            _overwrite_gradient(y, dx)
        else:
            _gradient(y, dy, dx)
