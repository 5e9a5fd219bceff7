"""Softmax: maps scores to probabilities that sum to 1 (Bridle, 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import dot, largest, total
from spark_deepnet.kernels.stable import exp
from spark_deepnet.layers._axis import AlongAxis, check_axis, lines_along, put_along
from spark_deepnet.layers.layer import Arrays, Call


@kernel
def _forward(x, y):  # type: ignore[no-untyped-def]
    """y_nk = e^(x_nk - m_n) / sum_j e^(x_nj - m_n),   m_n = max_j x_nj"""
    T = y.dtype.type
    for n in range(x.shape[0]):
        top = largest(x[n])
        for k in range(x.shape[1]):
            y[n, k] = exp(x[n, k] - top)
        share = T(1) / total(y[n])
        for k in range(x.shape[1]):
            y[n, k] *= share


@kernel
def _backward(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx_nk = y_nk (dy_nk - sum_j y_nj dy_nj)"""
    for n in range(y.shape[0]):
        mean = dot(y[n], dy[n])
        for k in range(y.shape[1]):
            dx[n, k] = y[n, k] * (dy[n, k] - mean)


@dataclass(frozen=True, repr=False)
class Softmax(AlongAxis, kind="softmax"):
    """y_k = e^x_k / sum_j e^x_j along ``axis`` of a row: 0 its first axis, -1 its last.   x, y: (n, ..., classes)"""

    axis: int = -1
    reads: ClassVar[str] = "y"

    def __post_init__(self) -> None:
        check_axis(self)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        lines = lines_along(y, self.axis)
        _forward(lines_along(x, self.axis), lines)
        put_along(lines, self.axis, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            lines = lines_along(dx, self.axis)
            _backward(lines_along(y, self.axis), lines_along(dy, self.axis), lines)
            put_along(lines, self.axis, dx)
