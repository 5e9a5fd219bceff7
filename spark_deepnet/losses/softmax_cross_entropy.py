"""Softmax cross-entropy: the loss of classes that exclude one another (Keras's sparse categorical cross-entropy)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
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
def _smoothed(z, top, w, share, dz):  # type: ignore[no-untyped-def]
    """dz_k -= w share; returns share sum_k (top - z_k): of a target that gives each of these classes ``share``"""
    T = dz.dtype.type
    below = np.float64(0)
    for k in range(z.size):
        below += np.float64(top) - np.float64(z[k])
        dz[k] -= w * T(share)
    return np.float64(share) * below


@kernel
def _measure(z, label, weight, smoothing, dz):  # type: ignore[no-untyped-def]
    """loss_n = log sum_k exp z_nk - sum_k t_nk z_nk   dz_nk = weight_n (softmax(z_n)_k - t_nk)

    t_nk = (1 - smoothing) [k = label(n)] + smoothing / K
    """
    T = dz.dtype.type
    loss, whole = np.float64(0), np.float64(1) - smoothing
    for n in range(z.shape[0]):
        top, norm = _powers(z[n], dz[n])
        scale = weight[n] / norm
        for k in range(z.shape[1]):
            dz[n, k] *= scale
        below = np.float64(top) - np.float64(z[n, label[n]])
        if smoothing > 0:
            below = whole * below + _smoothed(z[n], top, weight[n], smoothing / z.shape[1], dz[n])
        loss += weight[n] * (np.float64(log(norm)) + below)
        dz[n, label[n]] -= weight[n] * T(whole)
    return loss


@kernel
def _write_stats(z, stats, dz):  # type: ignore[no-untyped-def]
    """stats = (top, norm) of each row"""
    for n in range(z.shape[0]):
        stats[0, n], stats[1, n] = _powers(z[n], dz[n])


@kernel
def _measure_part(z, place, weight, smoothing, units, stats, block, dz):  # type: ignore[no-untyped-def]
    """The same from the stats of all blocks b: top_n = max_b top_bn   norm_n = sum_b norm_bn exp(top_bn - top_n)

    loss_n = log norm_n + top_n - z_n,label(n), at the block that has the label; at the others its place is -1. With
    smoothing each block adds the part of its own of the K = ``units`` entries.
    """
    T = dz.dtype.type
    loss, whole = np.float64(0), np.float64(1) - smoothing
    for n in range(z.shape[0]):
        top = stats[:, 0, n].max()
        norm = exp(stats[0, 0, n] - top) * stats[0, 1, n]
        for b in range(1, stats.shape[0]):
            norm += exp(stats[b, 0, n] - top) * stats[b, 1, n]
        scale = weight[n] * exp(stats[block, 0, n] - top) / norm
        for k in range(z.shape[1]):
            dz[n, k] *= scale
        if smoothing > 0:
            loss += weight[n] * _smoothed(z[n], top, weight[n], smoothing / units, dz[n])
        if place[n] >= 0:
            below = np.float64(top) - np.float64(z[n, place[n]])
            loss += weight[n] * (np.float64(log(norm)) + whole * below)
            dz[n, place[n]] -= weight[n] * T(whole)
    return loss


@dataclass(frozen=True, repr=False)
class SoftmaxCrossEntropy(Loss, kind="softmax_cross_entropy"):
    """loss = -log softmax(z)_label.   z: (n, k)   label: (n,) in 0..k-1

    ignore: a label, which need not be one of the classes, whose rows or steps count for nothing, in the mean neither
    (Caffe's ignore_label, PyTorch's ignore_index).

    label_smoothing: e, at least 0 and below 1; each label becomes 1 - e of itself and e / k of each of the k classes
    (Szegedy et al., arXiv 1512.00567): loss = -(1 - e) log softmax(z)_label - e / k sum_k log softmax(z)_k.
    """

    ignore: int | None = None
    label_smoothing: float = 0.0
    link: ClassVar[str | None] = "softmax"
    task: ClassVar[str] = "classification"
    num_stats: ClassVar[int | None] = 2

    def __post_init__(self) -> None:
        if self.ignore is not None and type(self.ignore) is not int:
            raise ParamError(f"SoftmaxCrossEntropy: ignore must be a label, an int, found {self.ignore!r}")
        check_numbers(self, "at least 0 and below 1", "label_smoothing")

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
        return float(_measure(scores, targets, weights, np.float64(self.label_smoothing), gradients))

    def write_stats(self, scores: np.ndarray, stats: np.ndarray, gradients: np.ndarray) -> None:
        _write_stats(scores, stats, gradients)

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        smoothing, units = np.float64(self.label_smoothing), len(stats.places)
        places = stats.places[targets]
        return float(_measure_part(scores, places, weights, smoothing, units, stats.numbers, stats.block, gradients))
