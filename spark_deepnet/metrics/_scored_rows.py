"""Scores of rows beside their targets, as metrics read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class ScoredRows:
    """n rows (or steps of rows) of one output, whose weight is above 0."""

    task: str
    """The loss's: "classification", "multilabel" or "regression"."""
    scores: np.ndarray
    """(n, k) float64: before the loss's link."""
    linked: np.ndarray
    """(n, k) float64: after it, probabilities or predictions."""
    targets: np.ndarray
    """(n,) int labels 0..k-1 (0 and 1 where k is 1) of a classification, else (n, k) float64."""
    weights: np.ndarray
    """(n,) float64"""

    @property
    def exclusive(self) -> bool:
        """Whether a row has one class, rather than several labels or numbers."""
        return self.task == "classification" or (self.task == "multilabel" and self.scores.shape[1] == 1)

    @property
    def classes(self) -> int:
        """The number of classes, or of labels."""
        return max(2, self.scores.shape[1]) if self.exclusive else self.scores.shape[1]

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,): the class of each row."""
        return self.targets if self.targets.ndim == 1 else (self.targets[:, 0] > 0.5).astype(np.int64)

    @cached_property
    def predicted(self) -> np.ndarray:
        """(n,): the class of the highest score, the first of equal ones."""
        return self.scores.argmax(1) if self.scores.shape[1] > 1 else (self.scores[:, 0] > 0).astype(np.int64)

    @cached_property
    def probability(self) -> np.ndarray:
        """(n, classes)"""
        return np.concatenate((1 - self.linked, self.linked), 1) if self.linked.shape[1] == 1 else self.linked

    @cached_property
    def truth(self) -> np.ndarray:
        """(n, classes) bool: whether each class, or label, is the row's."""
        return self.labels[:, None] == np.arange(self.classes) if self.exclusive else self.targets > 0.5

    @cached_property
    def answer(self) -> np.ndarray:
        """(n, classes) bool: whether each class, or label, is predicted."""
        return self.predicted[:, None] == np.arange(self.classes) if self.exclusive else self.scores > 0
