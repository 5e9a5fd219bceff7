"""RMSprop: gradients over their running root mean square (Tieleman and Hinton, Coursera lecture 6.5, 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, rho, momentum, epsilon, v, s, w):  # type: ignore[no-untyped-def]
    """v = rho v + (1 - rho) g^2   s = momentum s + rate g / (sqrt(v) + eps)   w -= s"""
    T = w.dtype.type
    old, new, mu, eps, alpha = T(rho), T(1 - rho), T(momentum), T(epsilon), T(rate)
    for i in range(w.size):
        v[i] = old * v[i] + new * g[i] * g[i]
        s[i] = mu * s[i] + alpha * g[i] / (np.sqrt(v[i]) + eps)
        w[i] -= s[i]


@dataclass(frozen=True, repr=False)
class Rmsprop(Optimizer, kind="rmsprop"):
    """v = rho v + (1 - rho) g^2,   s = momentum s + rate g / (sqrt(v) + epsilon),   w -= s"""

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    vectors: ClassVar[tuple[str, ...]] = ("v", "s")

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "rho", "momentum")
        check_numbers(self, "above 0", "epsilon")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, self.rho, self.momentum, self.epsilon, *state, w)
