"""Layer normalization: each row by its own mean and variance (Ba, Kiros and Hinton, 2016; Keras's)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import dot, sum_of_squares, total
from spark_deepnet.layers._last_axes import OverLastAxes
from spark_deepnet.layers.layer import Arrays, Call, Shape, Weight


@kernel
def _forward(x, gamma, beta, epsilon, y, moments):  # type: ignore[no-untyped-def]
    """y_pc = gamma_c (x_pc - m_p) r_p + beta_c;   r_p = 1 / sqrt(variance + epsilon), m_p = a_p + b_p the mean of x_p

    moments_p = (a_p, b_p, r_p): the rounded mean, and the mean of the remainders, so that numbers far from 0 lose no
    digits.
    """
    T, C = y.dtype.type, x.shape[1]
    for p in range(x.shape[0]):
        a = total(x[p]) / T(C)
        for c in range(C):
            y[p, c] = x[p, c] - a
        b = total(y[p]) / T(C)
        for c in range(C):
            y[p, c] -= b
        r = T(1 / np.sqrt(sum_of_squares(y[p]) / C + epsilon))
        for c in range(C):
            y[p, c] = gamma[c] * (y[p, c] * r) + beta[c]
        moments[p, 0], moments[p, 1], moments[p, 2] = a, b, r


@kernel
def _backward_weights(x, moments, dy, dgamma, dbeta):  # type: ignore[no-untyped-def]
    """dgamma_c = sum_p dy_pc x^_pc   dbeta_c = sum_p dy_pc,   x^_pc = (x_pc - m_p) r_p"""
    dgamma[:] = 0
    dbeta[:] = 0
    for p in range(x.shape[0]):
        a, b, r = moments[p, 0], moments[p, 1], moments[p, 2]
        for c in range(x.shape[1]):
            dgamma[c] += dy[p, c] * ((x[p, c] - a - b) * r)
            dbeta[c] += dy[p, c]


@kernel
def _backward_input(x, gamma, moments, dy, dx):  # type: ignore[no-untyped-def]
    """dx_pc = r_p (g_pc - mean_c g_pc - x^_pc mean_c (g_pc x^_pc)),   g_pc = gamma_c dy_pc"""
    T, C = dx.dtype.type, x.shape[1]
    g, near = np.empty(C, dx.dtype), np.empty(C, dx.dtype)
    for p in range(x.shape[0]):
        a, b, r = moments[p, 0], moments[p, 1], moments[p, 2]
        for c in range(C):
            g[c] = gamma[c] * dy[p, c]
            near[c] = (x[p, c] - a - b) * r
        whole, product = total(g) / T(C), dot(g, near) / T(C)
        for c in range(C):
            dx[p, c] = r * (g[c] - whole - near[c] * product)


@dataclass(frozen=True, repr=False)
class LayerNorm(OverLastAxes, kind="layer_norm"):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the last ``axes`` axes of each row.

    x, y: (n, ..., a, b)   gamma, beta: (b,), or for two axes (a, b), and so on
    """

    def weights(self, x: Shape) -> dict[str, Weight]:
        one, zero = Initializer.of({"kind": "constant", "value": 1.0}), Initializer.of("constant")
        return {k: Weight(x[-self.axes :], start, decays=False) for k, start in (("gamma", one), ("beta", zero))}

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"moments": ((prod(x[: -self.axes]), 3), None)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        gamma, beta = w["gamma"].reshape(-1), w["beta"].reshape(-1)
        _forward(self.lines(x), gamma, beta, self.epsilon, self.lines(y), call.saved["moments"].reshape(-1, 3))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        x, dy, moments = self.lines(x), self.lines(dy), call.saved["moments"].reshape(-1, 3)
        _backward_weights(x, moments, dy, gradients["gamma"].reshape(-1), gradients["beta"].reshape(-1))
        if dx is not None:
            _backward_input(x, w["gamma"].reshape(-1), moments, dy, self.lines(dx))
