"""Top-k accuracy: the share of rows whose label is among the k highest scores (Krizhevsky et al., 2012, with k = 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfOneClass, share


@dataclass(frozen=True, repr=False)
class TopK(OfOneClass, kind="top_k"):
    """The share of rows whose label is among the ``k`` highest scores; of equal ones the first classes come first."""

    k: int = 5

    def __post_init__(self) -> None:
        if type(self.k) is not int or self.k < 1:
            raise ParamError(f"TopK: k must be a whole number of 1 or more, found {self.k!r}")

    @property
    def name(self) -> str:
        return f"top{self.k}Accuracy"

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        few = self.k >= max(2, units)
        return super().misfit(task, units, link) or (f"more than {self.k} classes" if few else None)

    def part(self, rows: ScoredRows) -> np.ndarray:
        scores = rows.scores if rows.scores.shape[1] > 1 else np.concatenate((-rows.scores, rows.scores), 1)
        own = scores[np.arange(len(scores)), rows.labels][:, None]
        before = (scores == own) & (np.arange(rows.classes) < rows.labels[:, None])
        return np.array([rows.weights @ (((scores > own) | before).sum(1) < self.k), rows.weights.sum()])

    def value(self, part: np.ndarray) -> float:
        return share(part[0], part[1])
