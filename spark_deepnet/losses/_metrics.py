"""Metrics reported beside the loss, by the kind of targets, for scores that are whole or cut over blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.losses.loss import PartialStats

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Metric:
    """A weighted sum over rows of a mean over scores, and a function that is applied to its mean."""

    name: str
    sum: Score
    """Computes the sum from scores, targets and weights, as a loss does."""
    finish: Callable[[float], float] = float
    num_stats: ClassVar[int] = 0
    """As in a loss."""

    def write_stats(self, scores: np.ndarray, labels: np.ndarray, entries: np.ndarray, stats: np.ndarray) -> None:
        """Write the numbers about these entries of the scores that the other blocks need into stats (num_stats, n)."""

    def sum_part(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, stats: PartialStats) -> float:
        """The block's part of the sum: the parts of all blocks add up to the whole."""
        return self.sum(scores, targets, weights * stats.share)


class Hits(Metric):
    """Rows whose highest score (the first of equal ones) is their label's."""

    num_stats: ClassVar[int] = 2

    def write_stats(self, scores: np.ndarray, labels: np.ndarray, entries: np.ndarray, stats: np.ndarray) -> None:
        """The highest score, and whether its class is before the label (-1), the label (0) or after it (1)."""
        best = scores.argmax(1)
        stats[0] = scores[np.arange(len(scores)), best]
        stats[1] = np.sign(entries[best] - labels)

    def sum_part(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, stats: PartialStats) -> float:
        """The sum, counted by the block that has the label."""
        tops, sides = stats.numbers[:, 0], stats.numbers[:, 1]
        first = np.where(tops == tops.max(0), sides, np.inf).min(0)
        return _total((first == 0) & (sides[stats.block] == 0), tops, weights)


def _hits(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Rows whose highest score (or the sign of the only one) is their label's."""
    if scores.shape[1] == 1:
        return _total((scores[:, 0] > 0) == labels, scores, weights)
    best = scores.argmax(1)  # the first NaN, if there is one
    return _total(best == labels, scores[np.arange(len(scores)), best, None], weights)


def _hit_share(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """The share of a row's labels that are predicted correctly."""
    return _total(((scores > 0) == (targets > 0.5)).mean(1), scores, weights)


def _square(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(np.dot(((scores.astype(np.float64) - targets) ** 2).mean(1), weights))


def _total(values: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """sum_n weights[n] values[n] in float64; NaN if a score is NaN."""
    if np.isnan(scores).any():
        return float("nan")
    return float(np.dot(values.astype(np.float64), weights))


METRICS = {
    "classification": Hits("accuracy", _hits),
    "multilabel": Metric("accuracy", _hit_share),
    "regression": Metric("rmse", _square, lambda mean: float(np.sqrt(mean))),
}
"""Metric by the loss's task."""
