"""GELU: x times the probability that a normal variable is below x (Hendrycks and Gimpel, 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import erf, exp, tanh
from spark_deepnet.layers.layer import Activation

_ROOT_HALF = 0.7071067811865476  # 1 / sqrt 2
_DENSITY = 0.3989422804014327  # 1 / sqrt(2 pi)
_B = 0.7978845608028654  # sqrt(2 / pi)
_C = 0.044715
_SATURATED = 20.0


@kernel
def _value(x, y):  # type: ignore[no-untyped-def]
    """y_i = x_i P(x_i),   P(x) = (1 + erf(x / sqrt 2)) / 2"""
    T = y.dtype.type
    half, root = T(0.5), T(_ROOT_HALF)
    for i in range(x.size):
        y[i] = x[i] * (half + half * erf(root * x[i]))


@kernel
def _gradient(x, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = (P(x_i) + x_i p(x_i)) dy_i,   p(x) = e^(-x^2 / 2) / sqrt(2 pi)"""
    T = dx.dtype.type
    half, root, density = T(0.5), T(_ROOT_HALF), T(_DENSITY)
    for i in range(x.size):
        below = half + half * erf(root * x[i])
        dx[i] = (below + density * x[i] * exp(-half * x[i] * x[i])) * dy[i]


@kernel
def _approximate_value(x, y):  # type: ignore[no-untyped-def]
    """y_i = x_i (1 + tanh(b (x_i + c x_i^3))) / 2"""
    T = y.dtype.type
    half, one, b, c = T(0.5), T(1), T(_B), T(_C)
    for i in range(x.size):
        y[i] = half * x[i] * (one + tanh(b * x[i] * (one + c * x[i] * x[i])))


@kernel
def _approximate_gradient(x, dy, dx):  # type: ignore[no-untyped-def]
    """dx_i = ((1 + t) / 2 + u_i (1 - t^2) b (1 + 3 c u_i^2) / 2) dy_i,   t = tanh(b (u_i + c u_i^3))

    u_i is x_i between -_SATURATED and _SATURATED, beyond which t is -1 or 1 and x_i^2 might be infinite.
    """
    T = dx.dtype.type
    half, one, b, c, c3, far = T(0.5), T(1), T(_B), T(_C), T(3 * _C), T(_SATURATED)
    for i in range(x.size):
        u = min(max(x[i], -far), far)
        square = u * u
        t = tanh(b * u * (one + c * square))
        dx[i] = half * (one + t + u * (one - t * t) * b * (one + c3 * square)) * dy[i]


@dataclass(frozen=True, repr=False)
class Gelu(Activation, kind="gelu"):
    """y = x P(x), P the standard normal's distribution function; any shape.

    ``approximate`` takes the paper's form with tanh in place of the error function (BERT's and GPT-2's).
    """

    approximate: bool = False
    reads: ClassVar[str] = "x"

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        (_approximate_value if self.approximate else _value)(x, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        (_approximate_gradient if self.approximate else _gradient)(x, dy, dx)
