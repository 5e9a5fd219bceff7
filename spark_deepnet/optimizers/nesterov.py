"""Nesterov: momentum that looks ahead (Nesterov, 1983; Sutskever et al., ICML 2013; Caffe's "Nesterov")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, momentum, v, w):  # type: ignore[no-untyped-def]
    """u = momentum v + rate g   w -= (1 + momentum) u - momentum v   v = u"""
    T = w.dtype.type
    mu, ahead, alpha = T(momentum), T(1 + momentum), T(rate)
    for i in range(w.size):
        u = mu * v[i] + alpha * g[i]
        w[i] -= ahead * u - mu * v[i]
        v[i] = u


@dataclass(frozen=True, repr=False)
class Nesterov(Optimizer, kind="nesterov"):
    """u = momentum v + rate g,   w -= (1 + momentum) u - momentum v,   v = u

    The stored weights are those of the point ahead, where the next gradient is computed.
    """

    momentum: float = 0.9
    vectors: ClassVar[tuple[str, ...]] = ("v",)

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "momentum")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, self.momentum, *state, w)
