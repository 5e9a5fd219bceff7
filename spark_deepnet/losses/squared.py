"""Squared error: the loss whose best prediction is the mean (Keras's and PyTorch's mean squared error)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = mean_k (z_nk - t_nk)^2   dz_nk = weight_n 2 (z_nk - t_nk) / K"""
    T = dz.dtype.type
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        share = weight[n] / T(z.shape[1])
        for k in range(z.shape[1]):
            e = np.float64(z[n, k]) - np.float64(t[n, k])
            terms[k] = e * e
            dz[n, k] = share * T(e + e)
        loss += share * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Squared(ByEntry, kind="squared"):
    """loss = mean_k (z_k - t_k)^2.   z, t: (n, k)

    Caffe's EuclideanLoss is the sum over k of halves: its rate is k / 2 times this one's.
    """

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, gradients))
