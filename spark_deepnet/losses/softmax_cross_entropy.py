"""Softmax cross-entropy: the loss of classes that exclude one another (Keras's sparse categorical cross-entropy)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.reductions import largest, total
from spark_deepnet.kernels.stable import exp, log
from spark_deepnet.losses.loss import Loss, PartialStats


@kernel
def _powers(z, e):  # type: ignore[no-untyped-def]
    """top = max_k z_k   e_k = exp(z_k - top)   norm = sum_k e_k"""
    top = largest(z)
    for k in range(z.size):
        e[k] = exp(z[k] - top)
    return top, total(e)


@kernel
def _measure(z, label, weight, dz):  # type: ignore[no-untyped-def]
    """loss_n = log sum_k exp z_nk - z_n,label(n)   dz_nk = weight_n (softmax(z_n)_k - [k = label(n)])"""
    loss = np.float64(0)
    for n in range(z.shape[0]):
        top, norm = _powers(z[n], dz[n])
        loss += weight[n] * (np.float64(log(norm)) + (np.float64(top) - np.float64(z[n, label[n]])))
        scale = weight[n] / norm
        for k in range(z.shape[1]):
            dz[n, k] *= scale
        dz[n, label[n]] -= weight[n]
    return loss


@kernel
def _write_stats(z, stats, dz):  # type: ignore[no-untyped-def]
    """stats = (top, norm) of each row"""
    for n in range(z.shape[0]):
        stats[0, n], stats[1, n] = _powers(z[n], dz[n])


@kernel
def _measure_part(z, place, weight, stats, block, dz):  # type: ignore[no-untyped-def]
    """The same from the stats of all blocks b: top_n = max_b top_bn   norm_n = sum_b norm_bn exp(top_bn - top_n)

    loss_n = log norm_n + top_n - z_n,label(n), at the block that has the label; at the others its place is -1.
    """
    loss = np.float64(0)
    for n in range(z.shape[0]):
        top = stats[:, 0, n].max()
        norm = exp(stats[0, 0, n] - top) * stats[0, 1, n]
        for b in range(1, stats.shape[0]):
            norm += exp(stats[b, 0, n] - top) * stats[b, 1, n]
        scale = weight[n] * exp(stats[block, 0, n] - top) / norm
        for k in range(z.shape[1]):
            dz[n, k] *= scale
        if place[n] >= 0:
            loss += weight[n] * (np.float64(log(norm)) + (np.float64(top) - np.float64(z[n, place[n]])))
            dz[n, place[n]] -= weight[n]
    return loss


@dataclass(frozen=True, repr=False)
class SoftmaxCrossEntropy(Loss, kind="softmax_cross_entropy"):
    """loss = -log softmax(z)_label.   z: (n, k)   label: (n,) in 0..k-1

    ignore: a label, which need not be one of the classes, whose rows or steps count for nothing, in the mean neither
    (Caffe's ignore_label, PyTorch's ignore_index).
    """

    ignore: int | None = None
    link: ClassVar[str | None] = "softmax"
    task: ClassVar[str] = "classification"
    num_stats: ClassVar[int | None] = 2

    def __post_init__(self) -> None:
        if self.ignore is not None and type(self.ignore) is not int:
            raise ParamError(f"SoftmaxCrossEntropy: ignore must be a label, an int, found {self.ignore!r}")

    @property
    def ignored(self) -> int | None:
        return self.ignore

    def check_units(self, units: int) -> None:
        if units < 2:
            raise ParamError(
                f"SoftmaxCrossEntropy needs a score for each class, 2 or more, found {units}; "
                f"give the last layer as many units as there are classes, or use 'sigmoid_cross_entropy'"
            )

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, gradients))

    def write_stats(self, scores: np.ndarray, stats: np.ndarray, gradients: np.ndarray) -> None:
        _write_stats(scores, stats, gradients)

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        return float(_measure_part(scores, stats.places[targets], weights, stats.numbers, stats.block, gradients))
