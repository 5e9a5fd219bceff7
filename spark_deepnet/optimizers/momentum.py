"""Momentum: gradient descent with a heavy ball (Polyak, 1964), as in Caffe's and SparkNet's "SGD"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, momentum, v, w):  # type: ignore[no-untyped-def]
    """v = momentum v + rate g   w -= v"""
    T = w.dtype.type
    mu, alpha = T(momentum), T(rate)
    for i in range(w.size):
        v[i] = mu * v[i] + alpha * g[i]
        w[i] -= v[i]


@dataclass(frozen=True, repr=False)
class Momentum(Optimizer, kind="momentum"):
    """v = momentum v + rate g,   w -= v

    The rate is inside v, as in Caffe: a change of rate affects future gradients, not the accumulated velocity.
    """

    momentum: float = 0.9
    vectors: ClassVar[tuple[str, ...]] = ("v",)

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "momentum")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, self.momentum, *state, w)
