"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, keep, beta1, beta2, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """m = b1 m + (1 - b1) g   v = b2 v + (1 - b2) g^2   w = keep w - rate m / (sqrt(v) + eps)"""
    T = w.dtype.type
    b1, a1, b2, a2, alpha, eps, kept = T(beta1), T(1 - beta1), T(beta2), T(1 - beta2), T(rate), T(epsilon), T(keep)
    for i in range(w.size):
        m[i] = b1 * m[i] + a1 * g[i]
        v[i] = b2 * v[i] + a2 * g[i] * g[i]
        w[i] = kept * w[i] - alpha * m[i] / (np.sqrt(v[i]) + eps)


@dataclass(frozen=True, repr=False)
class AdamW(Optimizer, kind="adamw"):
    """w -= rate (m^ / (sqrt(v^) + epsilon) + decay w),   m^ and v^ as in Adam, for weights with decay; otherwise Adam"""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.01
    vectors: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "beta1", "beta2")
        check_numbers(self, "above 0", "epsilon")
        check_numbers(self, "at least 0", "decay")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        root = float(np.sqrt(1 - self.beta2**count))
        alpha = rate * root / (1 - self.beta1**count)
        keep = 1 - rate * self.decay * decays
        _step(g, alpha, keep, self.beta1, self.beta2, self.epsilon * root, *state, w)
