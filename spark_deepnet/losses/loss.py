"""What a loss is: the value and the gradient of the distance between scores and targets, whole or cut over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True)
class PartialStats:
    """What one block knows of scores whose entries are cut over blocks."""

    numbers: np.ndarray
    """(blocks, tells, n): what each block tells the others of its own entries."""
    block: int
    """Which block's entries are measured."""
    entries: np.ndarray
    """Which of the whole scores' they are."""
    places: np.ndarray
    """(units,) int32: the place of each of the whole scores' entries among them; -1: it is another block's."""

    @property
    def share(self) -> float:
        """The block's part of the entries."""
        return len(self.entries) / len(self.places)


@dataclass(frozen=True, repr=False)
class Loss(Member, family="losses"):
    """The base of all losses. Scores are what the network's last layer gives before its link: where the network ends in
    the activation that ``link`` names, training leaves it out and the loss sees its input, which is stable and quicker.
    """

    link: ClassVar[str | None] = None
    """The activation layer that turns scores into predictions (probabilities, means); None: scores are predictions."""
    task: ClassVar[str] = "regression"
    """What the targets are: "classification" (labels 0..k-1), "multilabel" (k zeros and ones) or "regression"."""
    least: ClassVar[float] = float("-inf")
    """The lowest target that it can work with."""
    num_stats: ClassVar[int | None] = None
    """Of scores that are cut over blocks: how many numbers a row each block must tell the others before ``measure_part``;
    None: the loss sees whole scores only."""

    def check_units(self, units: int) -> None:
        """Raise a ParamError where the loss cannot work with so many scores a row."""

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray) -> float:
        """The weighted loss sum_n weights[n] loss(scores[n], targets[n]), a float64 sum; writes its gradient by the
        scores into gradients.

        scores, gradients: (n, k) of one float dtype; targets: (n,) int32 labels for classification, else (n, k) of the
        scores' dtype; weights: (n,) of the scores' dtype. All C-contiguous.
        """
        raise NotImplementedError

    def write_stats(self, scores: np.ndarray, stats: np.ndarray, gradients: np.ndarray) -> None:
        """Write what the others must know of this block's entries into told (tells, n); ``gradients`` is room for what
        measure_part goes on from."""

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        """As ``measure`` of this block's entries of the scores: its part of the weighted loss, whose sum over the blocks
        is the whole one, and its entries of the gradient. Labels are the whole's; other targets are those of the entries."""
        raise NotImplementedError


class ByEntry(Loss):
    """The base of losses to which each score adds something of its own: k of them their mean, or their sum."""

    num_stats: ClassVar[int | None] = 0
    mean: ClassVar[bool] = True

    def measure_part(
        self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, gradients: np.ndarray, stats: PartialStats
    ) -> float:
        return self.measure(scores, targets, weights * stats.share if self.mean else weights, gradients)
