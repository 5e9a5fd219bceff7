"""Focal loss of yes-or-no labels: right and sure answers count less (Lin et al., arXiv 1708.02002)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.kernels.stable import sigmoid, softplus
from spark_deepnet.losses.loss import ByEntry


@kernel
def _measure(z, t, weight, gamma, yes, no, dz):  # type: ignore[no-untyped-def]
    """loss_n = sum_k yes t q^gamma softplus(-z) + no (1 - t) p^gamma softplus(z),   p = sigmoid(z), q = sigmoid(-z)

    dz_nk = weight_n (no (1 - t) p^gamma (p + gamma q softplus(z)) - yes t q^gamma (q + gamma p softplus(-z)))
    """
    T = dz.dtype.type
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        for k in range(z.shape[1]):
            p, q = np.float64(sigmoid(z[n, k])), np.float64(sigmoid(-z[n, k]))
            up, down = np.float64(softplus(z[n, k])), np.float64(softplus(-z[n, k]))
            hit = yes * np.float64(t[n, k])
            miss = no * (np.float64(1) - np.float64(t[n, k]))
            hit, miss = hit * q**gamma, miss * p**gamma
            terms[k] = hit * down + miss * up
            dz[n, k] = weight[n] * T(miss * (p + gamma * q * up) - hit * (q + gamma * p * down))
        loss += weight[n] * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class SigmoidFocal(ByEntry, kind="sigmoid_focal"):
    """loss = -sum_k yes t_k (1 - p_k)^gamma log p_k + no (1 - t_k) p_k^gamma log(1 - p_k),   p = sigmoid(z).   z, t: (n, k)

    The higher gamma, the less labels count that are already right; with 0 it is sigmoid cross-entropy. ``alpha``: the
    weight ``yes`` of labels 1, between 0 and 1, of which ``no`` is the rest; None: both are 1.
    """

    gamma: float = 2.0
    alpha: float | None = None
    link: ClassVar[str | None] = "sigmoid"
    task: ClassVar[str] = "multilabel"
    mean: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "gamma")
        if self.alpha is not None:
            check_numbers(self, "above 0 and below 1", "alpha")

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        yes, no = (1.0, 1.0) if self.alpha is None else (float(self.alpha), 1.0 - self.alpha)
        return float(_measure(scores, targets, weights, np.float64(self.gamma), yes, no, gradients))
