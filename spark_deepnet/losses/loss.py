"""The base of losses: value and gradient of the distance between scores and targets, whole or cut over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True)
class PartialStats:
    """What one block knows about scores whose entries are cut over blocks."""

    numbers: np.ndarray
    """(blocks, num_stats, n): the numbers that each block sends about its own entries."""
    block: int
    """The block whose entries are measured."""
    entries: np.ndarray
    """Its entries of the whole scores."""
    places: np.ndarray
    """(units,) int32: the place of each entry of the whole scores among them; -1: it is another block's."""

    @property
    def share(self) -> float:
        """The block's share of the entries."""
        return len(self.entries) / len(self.places)


@dataclass(frozen=True, repr=False)
class Loss(Member, family="losses"):
    """The base of all losses. Scores are the output of the network's last layer before its link. If the network ends in
    the activation that ``link`` names, training leaves it out and the loss gets its input, which is numerically stable
    and faster.
    """

    link: ClassVar[str | None] = None
    """The activation layer that turns scores into predictions (probabilities, means); None: scores are predictions."""
    task: ClassVar[str] = "regression"
    """What the targets are: "classification" (labels 0..k-1), "multilabel" (k zeros and ones) or "regression"."""
    least: ClassVar[float] = float("-inf")
    """The lowest target that the loss allows."""
    num_stats: ClassVar[int | None] = None
    """For scores that are cut over blocks: the numbers per row that each block sends to the others before
    ``measure_part``. None: the loss needs whole scores."""

    @property
    def ignored(self) -> int | None:
        """Of a classification: a label whose rows count for nothing. ``measure`` does not see it: such rows have label 0 and
        weight 0."""
        return None

    def check_units(self, units: int) -> None:
        """Raise a ParamError if the loss does not support this number of scores per row."""

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        """The weighted loss sum_n weights[n] loss(scores[n], targets[n]), a float64 sum; writes its gradient with
        respect to the scores into gradients.

        scores, gradients: (n, k) of one float dtype; targets: (n,) int32 labels for classification, else (n, k) of the
        scores' dtype; weights: (n,) of the scores' dtype. All C-contiguous.
        """
        raise NotImplementedError

    def gradient_size(self, error: np.ndarray) -> np.ndarray:
        """Of a regression: the gradient's size, but for a constant, where scores are this far from their targets; a fit
        that standardizes targets divides by it. As in a squared loss where it is not said."""
        return error

    def write_stats(self, scores: np.ndarray, stats: np.ndarray, gradients: np.ndarray) -> None:
        """Write the numbers about this block's entries that the others need into stats (num_stats, n); ``gradients`` may
        hold intermediate values for measure_part."""

    def write_label_stats(
        self, scores: np.ndarray, places: np.ndarray, stats: np.ndarray, gradients: np.ndarray
    ) -> None:
        """Of a classification, after ``write_stats``: add what the others need to know of the labels' scores. places: (n,)
        int32, the place of each row's label among this block's entries; -1: it is another block's."""

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        """Like ``measure``, for this block's entries of the scores: its part of the weighted loss, which the blocks'
        parts add up to, and its entries of the gradient. Labels are those of the whole scores; other targets are those
        of the entries."""
        raise NotImplementedError


class ByEntry(Loss):
    """The base of losses that are the mean, or the sum, of one term per score."""

    num_stats: ClassVar[int | None] = 0
    mean: ClassVar[bool] = True

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        return self.measure(scores, targets, weights * stats.share if self.mean else weights, gradients)
