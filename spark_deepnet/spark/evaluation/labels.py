"""Summaries of labels that do not exclude one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_deepnet.spark.evaluation.numbers import _entry
from spark_deepnet.spark.evaluation.pairs import LABEL, PREDICTION, WEIGHT, Pairs, no_rows
from spark_deepnet.spark.evaluation.shown import EvaluationText


@dataclass(frozen=True, repr=False)
class MultilabelSummary(EvaluationText):
    """Predicted labels beside those of the rows, which count by weightCol. The lists have one entry per label."""

    predictions: DataFrame = field(repr=False)
    """The DataFrame that was evaluated, with the output columns."""
    accuracy: float
    """The share of all labels of all rows that are predicted right."""
    subsetAccuracy: float
    """The share of rows of which all labels are."""
    precisionByLabel: list[float]
    recallByLabel: list[float]
    f1MeasureByLabel: list[float]
    microPrecision: float
    """Of all labels together; so are the others."""
    microRecall: float
    microF1Measure: float

    @property
    def hammingLoss(self) -> float:
        """The share of labels that are predicted wrong."""
        return 1 - self.accuracy

    def _figures(self) -> dict[str, Any]:
        names = ("accuracy", "subsetAccuracy", "microPrecision", "microRecall", "microF1Measure")
        return {name: getattr(self, name) for name in names} | {"labels": len(self.recallByLabel)}

    def _table(self) -> list[dict[str, Any]]:
        columns = zip(self.precisionByLabel, self.recallByLabel, self.f1MeasureByLabel, strict=True)
        return [
            {"label": k, "precision": precision, "recall": recall, "f1Measure": f1}
            for k, (precision, recall, f1) in enumerate(columns)
        ]


def multilabel(pairs: Pairs, units: int) -> MultilabelSummary:
    """The summary, by one job."""
    rows, weight = pairs.rows, F.col(WEIGHT)
    actual = [_entry(rows, LABEL, units, k) > 0.5 for k in range(units)]
    predicted = [_entry(rows, PREDICTION, units, k) > 0.5 for k in range(units)]
    right = [a == p for a, p in zip(actual, predicted, strict=True)]
    counted: list[Any] = [a & p for a, p in zip(actual, predicted, strict=True)] + actual + predicted + right
    every = F.forall(F.array(*right), lambda each: each)
    sound = F.forall(F.array(*[_entry(rows, PREDICTION, units, k) for k in range(units)]), lambda v: ~F.isnan(v))
    sums = [F.sum(F.when(each, weight).otherwise(0.0)) for each in (*counted, every)]
    sums_of_rows = rows.where(sound).agg(F.sum(weight), *sums).head()
    if sums_of_rows is None or not sums_of_rows[0]:
        raise no_rows()
    total, *rest, whole = sums_of_rows
    tp, pos, claimed, hits = np.array(rest, np.float64).reshape(4, units)
    micro = _f1(tp.sum(keepdims=True), pos.sum(keepdims=True), claimed.sum(keepdims=True))
    return MultilabelSummary(
        pairs.predictions, float(hits.sum() / (units * total)), float(whole / total), *_f1(tp, pos, claimed),
        *(each[0] for each in micro),
    )  # fmt: skip


def _f1(tp: np.ndarray, actual: np.ndarray, predicted: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """Precision, recall and F1; 0 of nothing."""
    pairs = ((tp, predicted), (tp, actual), (2 * tp, actual + predicted))
    precision, recall, f1 = (np.divide(a, b, out=np.zeros(len(a)), where=b > 0).tolist() for a, b in pairs)
    return precision, recall, f1
