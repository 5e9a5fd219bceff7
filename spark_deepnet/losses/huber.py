"""Huber's loss: squared near the target, absolute far from it (Huber, Annals of Mathematical Statistics 1964)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, delta, dz):  # type: ignore[no-untyped-def]
    """loss_n = mean_k c (e - c / 2)   dz_nk = weight_n c / K,   e = z_nk - t_nk   c = clamp(e, -delta, delta)"""
    T = dz.dtype.type
    d = np.float64(delta)
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        share = weight[n] / T(z.shape[1])
        for k in range(z.shape[1]):
            e = np.float64(z[n, k]) - np.float64(t[n, k])
            c = min(max(e, -d), d)
            terms[k] = c * (e - 0.5 * c)
            dz[n, k] = share * T(c)
        loss += share * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Huber(ByEntry, kind="huber"):
    """loss = mean_k e_k^2 / 2 where |e_k| <= delta, else delta (|e_k| - delta / 2),   e = z - t.   z, t: (n, k)"""

    delta: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, "above 0", "delta")

    def gradient_size(self, error: np.ndarray) -> np.ndarray:
        return np.minimum(error, self.delta)

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, self.delta, gradients))
