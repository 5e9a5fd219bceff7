"""AdaDelta: steps in the weights' own units (Zeiler, 2012, arXiv:1212.5701, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, rho, epsilon, v, u, w):  # type: ignore[no-untyped-def]
    """v = rho v + (1 - rho) g^2   d = sqrt((u + eps) / (v + eps)) g   u = rho u + (1 - rho) d^2   w -= rate d"""
    T = w.dtype.type
    old, new, eps, alpha = T(rho), T(1 - rho), T(epsilon), T(rate)
    for i in range(w.size):
        v[i] = old * v[i] + new * g[i] * g[i]
        d = np.sqrt((u[i] + eps) / (v[i] + eps)) * g[i]
        u[i] = old * u[i] + new * d * d
        w[i] -= alpha * d


@dataclass(frozen=True, repr=False)
class Adadelta(Optimizer, kind="adadelta"):
    """w -= rate d,   d = sqrt((u + epsilon) / (v + epsilon)) g

    v = rho v + (1 - rho) g^2 and then u = rho u + (1 - rho) d^2 are the running squares of gradients and of steps. The
    paper's rate is 1.
    """

    rho: float = 0.95
    epsilon: float = 1e-6
    vectors: ClassVar[tuple[str, ...]] = ("v", "u")

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "rho")
        check_numbers(self, "above 0", "epsilon")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, self.rho, self.epsilon, *state, w)
