"""Balanced accuracy: the mean over classes of the share that is recognized (scikit-learn's balanced_accuracy_score)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfOneClass


@dataclass(frozen=True, repr=False)
class BalancedAccuracy(OfOneClass, kind="balanced_accuracy"):
    """The mean of each class's recall, of the classes that have rows."""

    def part(self, rows: ScoredRows) -> np.ndarray:
        hits = rows.weights * (rows.predicted == rows.labels)
        return np.array([np.bincount(rows.labels, w, rows.classes) for w in (hits, rows.weights)])

    def value(self, part: np.ndarray) -> float:
        hits, weights = part[:, part[1] > 0]
        return float((hits / weights).mean()) if len(weights) else float("nan")
