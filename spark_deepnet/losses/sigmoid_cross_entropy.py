"""Sigmoid cross-entropy: the loss of yes-or-no labels, one per score (Keras's binary cross-entropy)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import wide_total
from spark_deepnet.kernels.stable import sigmoid, softplus
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = sum_k softplus(z_nk) - t_nk z_nk   dz_nk = weight_n (sigmoid(z_nk) - t_nk)

    By softplus(z) = max(z, 0) + softplus(-|z|), which avoids cancellation where the answer is right.
    """
    T = dz.dtype.type
    zero, one = T(0), T(1)
    loss, terms = np.float64(0), np.empty(z.shape[1], z.dtype)
    for n in range(z.shape[0]):
        for k in range(z.shape[1]):
            predicted = one if z[n, k] > zero else zero
            terms[k] = (predicted - t[n, k]) * z[n, k] + softplus(-abs(z[n, k]))
            dz[n, k] = weight[n] * (sigmoid(z[n, k]) - t[n, k])
        loss += weight[n] * wide_total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class SigmoidCrossEntropy(ByEntry, kind="sigmoid_cross_entropy"):
    """loss = -sum_k t_k log sigmoid(z_k) + (1 - t_k) log(1 - sigmoid(z_k)).   z, t: (n, k), t in 0..1"""

    link: ClassVar[str | None] = "sigmoid"
    task: ClassVar[str] = "multilabel"
    mean: ClassVar[bool] = False

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, gradients))
