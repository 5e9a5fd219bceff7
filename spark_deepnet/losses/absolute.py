"""Absolute error: the loss whose best prediction is the median (Keras's mean absolute error, PyTorch's L1Loss)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = mean_k |z_nk - t_nk|   dz_nk = weight_n sign(z_nk - t_nk) / K"""
    T = dz.dtype.type
    zero = T(0)
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        share = weight[n] / T(z.shape[1])
        for k in range(z.shape[1]):
            e = np.float64(z[n, k]) - np.float64(t[n, k])
            terms[k] = abs(e)
            up = share if e > 0 else zero
            dz[n, k] = -share if e < 0 else up
        loss += share * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Absolute(ByEntry, kind="absolute"):
    """loss = mean_k |z_k - t_k|, with gradient 0 where they are equal.   z, t: (n, k)"""

    def gradient_size(self, error: np.ndarray) -> np.ndarray:
        return np.ones_like(error)

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, gradients))
