"""Focal loss of classes that exclude one another: right and sure answers count less (Lin et al., arXiv 1708.02002)."""

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
def _measure(z, label, weight, gamma, dz):  # type: ignore[no-untyped-def]
    """loss_n = q^gamma s   dz_nk = weight_n D (softmax(z_n)_k - [k = label])   p = softmax(z_n)_label, q = 1 - p, s = -log p

    D = q^gamma + gamma p q^(gamma - 1) s, where s / q goes to 1 as q goes to 0. q is the sum of the other classes'
    probabilities, which keeps its digits where the answer is right.
    """
    T = dz.dtype.type
    loss = np.float64(0)
    for n in range(z.shape[0]):
        y, top = label[n], largest(z[n])
        for k in range(z.shape[1]):
            dz[n, k] = exp(z[n, k] - top)
        own, dz[n, y] = np.float64(dz[n, y]), T(0)
        others = np.float64(total(dz[n]))
        norm = others + own
        p, q = own / norm, others / norm
        s = np.float64(log(norm)) + (np.float64(top) - np.float64(z[n, y]))
        focus = q**gamma
        loss += weight[n] * focus * s
        steep = focus * (np.float64(1) + gamma * p * (s / q if q > 0 else np.float64(1)))
        scale = np.float64(weight[n]) * steep
        for k in range(z.shape[1]):
            dz[n, k] = T(scale * (np.float64(dz[n, k]) / norm))
        dz[n, y] = T(-scale * q)
    return loss


@kernel
def _write_stats(z, stats, dz):  # type: ignore[no-untyped-def]
    """stats = (top, sum of e, -inf) of each row, e_k = exp(z_k - top) in dz"""
    for n in range(z.shape[0]):
        stats[0, n], stats[2, n] = largest(z[n]), -np.inf
        for k in range(z.shape[1]):
            dz[n, k] = exp(z[n, k] - stats[0, n])
        stats[1, n] = total(dz[n])


@kernel
def _write_label_stats(z, place, stats, dz):  # type: ignore[no-untyped-def]
    """At the block that has the label: the sum of e without it, and its score."""
    for n in range(z.shape[0]):
        if place[n] >= 0:
            dz[n, place[n]] = dz.dtype.type(0)
            stats[1, n], stats[2, n] = total(dz[n]), z[n, place[n]]


@kernel
def _measure_part(z, place, weight, gamma, stats, block, dz):  # type: ignore[no-untyped-def]
    """The same as of whole scores, from the stats of all blocks."""
    T = dz.dtype.type
    loss = np.float64(0)
    for n in range(z.shape[0]):
        top, score = stats[:, 0, n].max(), stats[:, 2, n].max()
        others = np.float64(0)
        for b in range(stats.shape[0]):
            others += np.float64(stats[b, 1, n]) * np.float64(exp(stats[b, 0, n] - top))
        own = np.float64(exp(score - top))
        norm = others + own
        p, q = own / norm, others / norm
        s = np.float64(log(norm)) + (np.float64(top) - np.float64(score))
        focus = q**gamma
        scale = np.float64(weight[n]) * focus * (np.float64(1) + gamma * p * (s / q if q > 0 else np.float64(1)))
        share = np.float64(exp(stats[block, 0, n] - top)) / norm
        for k in range(z.shape[1]):
            dz[n, k] = T(scale * (np.float64(dz[n, k]) * share))
        if place[n] >= 0:
            loss += weight[n] * focus * s
            dz[n, place[n]] = T(-scale * q)
    return loss


@dataclass(frozen=True, repr=False)
class SoftmaxFocal(Loss, kind="softmax_focal"):
    """loss = -(1 - p)^gamma log p,   p = softmax(z)_label.   z: (n, k)   label: (n,) in 0..k-1

    The higher gamma, the less rows count that are already right; with 0 it is softmax cross-entropy. Weights of classes
    (the paper's alpha) are the Param classWeights.
    """

    gamma: float = 2.0
    link: ClassVar[str | None] = "softmax"
    task: ClassVar[str] = "classification"
    num_stats: ClassVar[int | None] = 3

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0", "gamma")

    def check_units(self, units: int) -> None:
        if units < 2:
            raise ParamError(
                f"SoftmaxFocal needs a score for each class, 2 or more, found {units}; give the last layer as many units "
                f"as there are classes, or use 'sigmoid_focal'"
            )

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        return float(_measure(scores, targets, weights, np.float64(self.gamma), gradients))

    def write_stats(self, scores: np.ndarray, stats: np.ndarray, gradients: np.ndarray) -> None:
        _write_stats(scores, stats, gradients)

    def write_label_stats(
        self, scores: np.ndarray, places: np.ndarray, stats: np.ndarray, gradients: np.ndarray
    ) -> None:
        _write_label_stats(scores, places, stats, gradients)

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        places, gamma = stats.places[targets], np.float64(self.gamma)
        return float(_measure_part(scores, places, weights, gamma, stats.numbers, stats.block, gradients))
