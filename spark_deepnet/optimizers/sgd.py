"""SGD: plain gradient descent (Robbins and Monro, 1951)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, w):  # type: ignore[no-untyped-def]
    """w -= rate g"""
    alpha = w.dtype.type(rate)
    for i in range(w.size):
        w[i] -= alpha * g[i]


@dataclass(frozen=True, repr=False)
class Sgd(Optimizer, kind="sgd"):
    """w -= rate g"""

    @property
    def by_row(self) -> bool:
        return True

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        _step(g, rate, w)
