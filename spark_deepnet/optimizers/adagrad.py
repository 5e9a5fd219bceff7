"""AdaGrad: rates that fall with the squares seen (Duchi, Hazan and Singer, JMLR 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, epsilon, total, w):  # type: ignore[no-untyped-def]
    """total += g^2   w -= rate g / (sqrt(total) + epsilon)"""
    T = w.dtype.type
    alpha, eps = T(rate), T(epsilon)
    for i in range(w.size):
        total[i] += g[i] * g[i]
        w[i] -= alpha * g[i] / (np.sqrt(total[i]) + eps)


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer, kind="adagrad"):
    """total += g^2,   w -= rate g / (sqrt(total) + epsilon)

    initial: the initial value of total: 0 in Caffe and PyTorch, 0.1 in Keras.
    """

    initial: float = 0.0
    epsilon: float = 1e-7
    vectors: ClassVar[tuple[str, ...]] = ("total",)

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "initial")
        check_numbers(self, "above 0", "epsilon")

    @property
    def by_row(self) -> bool:
        return True

    def start(self) -> tuple[float, ...]:
        return (self.initial,)

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, self.epsilon, *state, w)
