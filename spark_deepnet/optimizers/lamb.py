"""LAMB: Adam with steps scaled by each array's norm, for large batches (You et al., ICLR 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import careful, kernel
from spark_deepnet.kernels.reductions import sum_of_squares
from spark_deepnet.optimizers.optimizer import Optimizer

CHUNK_WEIGHTS = 1024
"""Weights whose steps are kept while their squares are summed."""


@kernel
def _lengths(g, scale, decay, beta1, beta2, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """m = b1 m + (1 - b1) g   v = b2 v + (1 - b2) g^2   (|w|, |scale m / (sqrt(v) + eps) + decay w|)"""
    T = w.dtype.type
    b1, a1, b2, a2, c, eps, lam = T(beta1), T(1 - beta1), T(beta2), T(1 - beta2), T(scale), T(epsilon), T(decay)
    steps, r = np.float64(0), np.empty(min(CHUNK_WEIGHTS, w.size), w.dtype)
    for start in range(0, w.size, CHUNK_WEIGHTS):
        count = min(CHUNK_WEIGHTS, w.size - start)
        for k in range(count):
            i = start + k
            m[i] = b1 * m[i] + a1 * g[i]
            v[i] = b2 * v[i] + a2 * g[i] * g[i]
            r[k] = c * m[i] / (np.sqrt(v[i]) + eps) + lam * w[i]
        steps += sum_of_squares(r[:count])
    return np.sqrt(sum_of_squares(w)), np.sqrt(steps)


@careful
def _move(rate, scale, decay, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """w -= rate (scale m / (sqrt(v) + eps) + decay w)"""
    T = w.dtype.type
    alpha, c, eps, lam = T(rate), T(scale), T(epsilon), T(decay)
    for i in range(w.size):
        w[i] -= alpha * (c * m[i] / (np.sqrt(v[i]) + eps) + lam * w[i])


@dataclass(frozen=True, repr=False)
class Lamb(Optimizer, kind="lamb"):
    """w -= rate (|w| / |r|) r,   r = m^ / (sqrt(v^) + epsilon) + decay w,   m^ and v^ as in Adam

    The norms are those of one weight array. The ratio is 1 for weights without decay (biases), as in the authors' code,
    and if a norm is 0.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    decay: float = 0.01
    vectors: ClassVar[tuple[str, ...]] = ("m", "v")
    layerwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "beta1", "beta2")
        check_numbers(self, "above 0", "epsilon")
        check_numbers(self, "at least 0", "decay")

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        root = float(np.sqrt(1 - self.beta2**count))
        scale = root / (1 - self.beta1**count)
        decay = self.decay * decays
        epsilon = self.epsilon * root
        weights, steps = _lengths(g, scale, decay, self.beta1, self.beta2, epsilon, *state, w)
        trust = weights / steps if decays and weights > 0 and steps > 0 else 1.0
        _move(rate * trust, scale, decay, epsilon, *state, w)
