"""Quantile loss: its best prediction is a quantile (pinball loss; Koenker and Bassett, Econometrica 1978)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, quantile, dz):  # type: ignore[no-untyped-def]
    """loss_n = mean_k max((1 - q) e, -q e)   dz_nk = weight_n (1 - q where e > 0, -q where e < 0) / K,   e = z_nk - t_nk"""
    T = dz.dtype.type
    over, under, zero = np.float64(1) - quantile, -np.float64(quantile), np.float64(0)
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        share = weight[n] / T(z.shape[1])
        for k in range(z.shape[1]):
            e = np.float64(z[n, k]) - np.float64(t[n, k])
            terms[k] = max(over * e, under * e)
            up = over if e > 0 else zero
            dz[n, k] = share * T(under if e < 0 else up)
        loss += share * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Quantile(ByEntry, kind="quantile"):
    """loss = mean_k max((1 - q) e_k, -q e_k),   e = z - t, q = ``quantile``; gradient 0 where they are equal.   z, t: (n, k)

    A prediction below the target costs q a unit, one above it 1 - q: with q = 0.9 nine of ten targets are to lie below the
    prediction. With q = 0.5 it is half the absolute error.
    """

    quantile: float = 0.5

    def __post_init__(self) -> None:
        check_numbers(self, "above 0 and below 1", "quantile")

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, self.quantile, gradients))
