"""Curves over the threshold of two classes, from one table: the weight of both classes' rows at every score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_deepnet.spark.evaluation.pairs import LABEL, PREDICTION, RAW, WEIGHT

MAX_SCORES = 1_000_000
"""Different scores that the driver gets; of more, scores (log odds of a softmax) are rounded to three decimals."""


@dataclass(frozen=True)
class Roc:
    """Weights of the rows of class 1 (``yes``) and 0 (``no``), by falling score."""

    yes: np.ndarray
    no: np.ndarray

    @staticmethod
    def of(rows: DataFrame) -> Roc:
        """By one job, or a second one where there are more than MAX_SCORES different scores."""
        raw = vector_to_array(RAW)
        scores = rows.where(~F.isnan(PREDICTION)).select((raw[1] - raw[0]).alias("score"), LABEL, WEIGHT)
        table = _table(scores).limit(MAX_SCORES + 1).collect()
        if len(table) > MAX_SCORES:
            table = _table(scores.withColumn("score", F.round("score", 3))).collect()
        table.sort(key=lambda row: -row["score"])
        return Roc(np.array([row["yes"] for row in table]), np.array([row["no"] for row in table]))

    @property
    def area(self) -> float:
        x, y = self.points().T
        return float(np.trapezoid(y, x))

    @property
    def area_pr(self) -> float:
        x, y = self.points_pr().T
        return float(np.trapezoid(y, x))

    def points(self) -> np.ndarray:
        """(m, 2): false-positive and true-positive rate; NaN where a class has no rows."""
        return np.column_stack([_rates(self.no), _rates(self.yes)])

    def points_pr(self) -> np.ndarray:
        """(m, 2): recall and precision, whose first point has the precision of the second."""
        yes, no = np.cumsum(self.yes), np.cumsum(self.no)
        precision = yes / np.maximum(yes + no, 1e-300)
        return np.column_stack([_rates(self.yes), np.concatenate((precision[:1], precision))])


def _table(scores: DataFrame) -> Any:
    yes = F.when(F.col(LABEL) == 1, F.col(WEIGHT)).otherwise(0.0)
    no = F.when(F.col(LABEL) == 0, F.col(WEIGHT)).otherwise(0.0)
    return scores.groupBy("score").agg(F.sum(yes).alias("yes"), F.sum(no).alias("no"))


def _rates(weights: np.ndarray) -> np.ndarray:
    """Running sums from 0 to 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate(([0.0], np.cumsum(weights))) / np.float64(weights.sum())
