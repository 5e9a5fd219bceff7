"""Hinge: a margin loss, each class against all others (Caffe's HingeLoss; Vapnik, 1995)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import total
from spark_deepnet.losses.loss import Loss, PartialStats


@kernel
def _measure(z, label, weight, first, squared, dz):  # type: ignore[no-untyped-def]
    """loss_n = sum_k h_nk^p   dz_nk = -weight_n s_nk p h_nk^(p-1),   h_nk = max(0, 1 - s_nk z_nk)

    s_nk is 1 for the label's score, otherwise -1; the first score is that of label ``first``.
    """
    T = dz.dtype.type
    zero, one, two = T(0), T(1), T(2)
    loss, terms = np.float64(0), np.empty(z.shape[1])
    for n in range(z.shape[0]):
        for k in range(z.shape[1]):
            s = one if label[n] == first + k else -one
            h = max(one - s * z[n, k], zero)  # NaN stays
            steep = one if h > zero else zero
            terms[k] = np.float64(h) * np.float64(h) if squared else np.float64(h)
            dz[n, k] = -weight[n] * s * (two * h if squared else steep)
        loss += weight[n] * total(terms)
    return loss


@dataclass(frozen=True, repr=False)
class Hinge(Loss, kind="hinge"):
    """loss = sum_k max(0, 1 - s_k z_k)^power,   s_k = 1 for the label, -1 for the others.   z: (n, k)   label: (n,)

    With one score a row, labels are 0 (s = -1) and 1 (s = 1), and this is the loss of a linear support vector machine.
    """

    power: int = 1
    task: ClassVar[str] = "classification"
    num_stats: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        if self.power not in (1, 2):
            raise ParamError(f"Hinge: power must be 1 or 2, found {self.power!r}")

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        first = 1 if scores.shape[1] == 1 else 0
        return float(_measure(scores, targets, weights, first, self.power == 2, gradients))

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        return float(_measure(scores, stats.places[targets], weights, 0, self.power == 2, gradients))
