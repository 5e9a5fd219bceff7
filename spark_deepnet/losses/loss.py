"""What a loss is: the value and the slope of the distance between scores and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Loss(Member, family="losses"):
    """The base of all losses. Scores are what the network's last layer gives before its link: where the network ends in
    the activation that ``link`` names, training leaves it out and the loss sees its input, which is stable and quicker.
    """

    link: ClassVar[str | None] = None
    """The activation layer that turns scores into predictions (probabilities, means); None: scores are predictions."""
    task: ClassVar[str] = "regression"
    """What the targets are: "classification" (labels 0..k-1), "multilabel" (k zeros and ones) or "regression"."""

    def check_units(self, units: int) -> None:
        """Raise a ParamError where the loss cannot work with so many scores a row."""

    def measure(self, scores: np.ndarray, targets: np.ndarray, weights: np.ndarray, slopes: np.ndarray) -> float:
        """The weighted loss sum_n weights[n] loss(scores[n], targets[n]), a float64 sum; writes its slope by the
        scores into slopes.

        scores, slopes: (n, k) of one float dtype; targets: (n,) int32 labels for classification, else (n, k) of the
        scores' dtype; weights: (n,) of the scores' dtype. All C-contiguous.
        """
        raise NotImplementedError
