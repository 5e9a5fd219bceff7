"""Softmax cross-entropy: the loss of classes that exclude one another (Keras's sparse categorical cross-entropy)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import exp, log
from spark_deepnet.losses.loss import Loss


@kernel
def _measure(z, label, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = log sum_k exp z_nk - z_n,label(n)   dz_nk = weight_n (softmax(z_n)_k - [k = label(n)])"""
    total = np.float64(0)
    for n in range(z.shape[0]):
        top = z[n].max()
        for k in range(z.shape[1]):
            dz[n, k] = exp(z[n, k] - top)
        mass = dz[n].sum()
        total += weight[n] * (log(mass) + (top - z[n, label[n]]))
        scale = weight[n] / mass
        for k in range(z.shape[1]):
            dz[n, k] *= scale
        dz[n, label[n]] -= weight[n]
    return total


@dataclass(frozen=True, repr=False)
class SoftmaxCrossEntropy(Loss, kind="softmax_cross_entropy"):
    """loss = -log softmax(z)_label.   z: (n, k)   label: (n,) in 0..k-1"""

    link: ClassVar[str | None] = "softmax"
    task: ClassVar[str] = "classification"

    def check_units(self, units: int) -> None:
        if units < 2:
            raise ParamError(
                f"SoftmaxCrossEntropy needs a score for each class, 2 or more, found {units}; "
                f"give the last layer as many units as there are classes, or take 'sigmoid_cross_entropy'"
            )

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, slopes: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, slopes))
