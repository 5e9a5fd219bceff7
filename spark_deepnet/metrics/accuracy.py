"""Accuracy: the share of right answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfClasses, share


@dataclass(frozen=True, repr=False)
class Accuracy(OfClasses, kind="accuracy"):
    """sum_n w_n [predicted_n = label_n] / sum_n w_n; of several labels the mean over them."""

    def part(self, rows: ScoredRows) -> np.ndarray:
        hits = rows.predicted == rows.labels if rows.exclusive else (rows.answer == rows.truth).mean(1)
        return np.array([rows.weights @ hits, rows.weights.sum()])

    def value(self, part: np.ndarray) -> float:
        return share(part[0], part[1])
