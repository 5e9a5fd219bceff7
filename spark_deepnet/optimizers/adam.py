"""Adam (Kingma and Ba, ICLR 2015, algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful
from spark_deepnet.optimizers.optimizer import Optimizer


@careful
def _step(g, rate, beta1, beta2, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """m = b1 m + (1 - b1) g   v = b2 v + (1 - b2) g^2   w -= rate m / (sqrt(v) + eps)"""
    T = w.dtype.type
    b1, a1, b2, a2, alpha, eps = T(beta1), T(1 - beta1), T(beta2), T(1 - beta2), T(rate), T(epsilon)
    for i in range(w.size):
        m[i] = b1 * m[i] + a1 * g[i]
        v[i] = b2 * v[i] + a2 * g[i] * g[i]
        w[i] -= alpha * m[i] / (np.sqrt(v[i]) + eps)


@dataclass(frozen=True, repr=False)
class Adam(Optimizer, kind="adam"):
    """w -= rate m^ / (sqrt(v^) + epsilon),   m^ = m / (1 - beta1^t),   v^ = v / (1 - beta2^t)

    The two corrections are folded into the rate and epsilon, as the paper's section 2 proposes. ``lazy``: for weights
    of sparse features, m, v and w of rows that a step does not use stay unchanged, as in PyTorch's SparseAdam. Adam
    would let m and v decay and continue to change w. So this is a different rule, and faster in proportion to the rows
    used. ``epsilon_hat``: epsilon is the paper's epsilon^, added to sqrt(v) instead of sqrt(v^), as in Caffe and Keras.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    lazy: bool = False
    epsilon_hat: bool = False
    vectors: ClassVar[tuple[str, ...]] = ("m", "v")

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "beta1", "beta2")
        check_numbers(self, "above 0", "epsilon")

    @property
    def by_row(self) -> bool:
        return self.lazy

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        root = float(np.sqrt(1 - self.beta2**count))
        alpha = rate * root / (1 - self.beta1**count)
        _step(g, alpha, self.beta1, self.beta2, self.epsilon * (1 if self.epsilon_hat else root), *state, w)
