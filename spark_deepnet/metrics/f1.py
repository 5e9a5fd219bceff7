"""F1: the harmonic mean of precision and recall (van Rijsbergen, Information Retrieval, 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfClasses

AVERAGES = ("weighted", "macro", "binary")


@dataclass(frozen=True, repr=False)
class F1(OfClasses, kind="f1"):
    """2 TP / (2 TP + FP + FN) of each class, or label, and their mean.

    average: "weighted" by the rows of each class (Spark ML's "f1"), "macro": all alike, of the classes that have rows or are
    predicted; or "binary": that of class 1 alone (scikit-learn's default).
    """

    average: str = "weighted"

    def __post_init__(self) -> None:
        if self.average not in AVERAGES:
            raise ParamError(f"F1: average must be one of {', '.join(AVERAGES)}, found {self.average!r}")

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        wrong = self.average == "binary" and (units > 2 or (task == "multilabel" and units > 1))
        return "two classes under average='binary'" if wrong else super().misfit(task, units, link)

    def part(self, rows: ScoredRows) -> np.ndarray:
        return np.array([rows.weights @ each for each in (rows.truth & rows.answer, rows.truth, rows.answer)])

    def value(self, part: np.ndarray) -> float:
        right, actual, predicted = part
        seen = actual + predicted
        each = np.divide(2 * right, seen, out=np.zeros(len(seen)), where=seen > 0)
        if not seen.any():
            return float("nan")
        if self.average == "binary":
            return float(each[1])
        return float(each[seen > 0].mean() if self.average == "macro" else each @ actual / max(actual.sum(), 1e-300))
