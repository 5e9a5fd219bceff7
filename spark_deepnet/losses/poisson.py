"""Poisson's loss: counts whose mean is the exponential of the score (Keras's Poisson, PyTorch's PoissonNLLLoss)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.kernels.stable import exp
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = mean_k e^z_nk - t_nk z_nk   dz_nk = weight_n (e^z_nk - t_nk) / K"""
    T = dz.dtype.type
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        share = weight[n] / T(z.shape[1])
        for k in range(z.shape[1]):
            mean = np.float64(exp(z[n, k]))
            terms[k] = mean - np.float64(t[n, k]) * np.float64(z[n, k])
            dz[n, k] = share * T(mean - np.float64(t[n, k]))
        loss += share * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Poisson(ByEntry, kind="poisson"):
    """loss = mean_k exp(z_k) - t_k z_k: z is the log of the mean, and log t! is left out.   z, t: (n, k), t >= 0"""

    link: ClassVar[str | None] = "exponential"
    least: ClassVar[float] = 0.0

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, gradients))
