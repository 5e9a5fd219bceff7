"""Softmax: maps scores to probabilities that sum to 1 (Bridle, 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import dot, largest, total
from spark_deepnet.kernels.stable import exp
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer


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
class Softmax(StepwiseLayer, kind="softmax"):
    """y_k = e^x_k / sum_j e^x_j along the last axis.   x, y: (n, ..., classes)"""

    reads: ClassVar[str] = "y"

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: Shape) -> Shape:
        if not x:
            raise NetworkError("Softmax runs along the last axis, but its input has none")
        return x

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(_lines(x), _lines(y))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _backward(_lines(y), _lines(dy), _lines(dx))


def _lines(x: np.ndarray) -> np.ndarray:
    """x as a matrix of its last axes."""
    return x.reshape(-1, x.shape[-1])
