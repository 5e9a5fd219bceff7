"""Summaries of regression, with the names that Spark ML's own have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType

from spark_deepnet.errors import DataError
from spark_deepnet.spark.evaluation.pairs import LABEL, PREDICTION, WEIGHT, Pairs, no_rows
from spark_deepnet.spark.evaluation.shown import EvaluationText


@dataclass(frozen=True, repr=False)
class RegressionSummary(EvaluationText):
    """Predicted numbers beside targets; rows count by weightCol. Of several targets each figure is the mean of theirs,
    which ``byTarget`` has."""

    predictions: DataFrame = field(repr=False)
    """The DataFrame that was evaluated, with the output columns."""
    numInstances: int
    """Rows with a prediction."""
    meanSquaredError: float
    meanAbsoluteError: float
    r2: float
    """1 - squares of the errors / squares of the targets' distances from their mean; NaN where all are equal. Spark ML's
    evaluator takes another spread of the targets where rows have weights."""
    explainedVariance: float
    """The mean square of the predictions' distances from the targets' mean."""
    byTarget: list[dict[str, float]] = field(repr=False)
    """The same figures of each target."""

    @property
    def rootMeanSquaredError(self) -> float:
        """The square root of meanSquaredError."""
        return float(np.sqrt(self.meanSquaredError))

    @property
    def rmse(self) -> float:
        """rootMeanSquaredError."""
        return self.rootMeanSquaredError

    @property
    def mae(self) -> float:
        """meanAbsoluteError."""
        return self.meanAbsoluteError

    @property
    def residuals(self) -> DataFrame:
        """Target minus prediction, as the column residuals; only of one target."""
        if len(self.byTarget) > 1:
            raise DataError(f"residuals: there are {len(self.byTarget)} targets; subtract columns of predictions")
        return self._rows.select((F.col(LABEL) - F.col(PREDICTION)).alias("residuals"))

    def _figures(self) -> dict[str, Any]:
        names = ("rmse", "mae", "r2", "explainedVariance", "numInstances")
        return {name: getattr(self, name) for name in names}

    def _table(self) -> list[dict[str, Any]]:
        return [{"target": k} | row for k, row in enumerate(self.byTarget)]

    _rows: DataFrame = field(repr=False, kw_only=True)


def regression(pairs: Pairs, units: int) -> RegressionSummary:
    """The summary, by one job over labels for their means and one over labels and predictions."""
    rows = pairs.rows.where(F.col(WEIGHT) > 0)
    targets = [_entry(rows, LABEL, units, k) for k in range(units)]
    values = [_entry(rows, PREDICTION, units, k) for k in range(units)]
    weight = F.col(WEIGHT)
    rows = rows.where(F.forall(F.array(*values), lambda value: ~F.isnan(value)))
    means = rows.agg(F.sum(WEIGHT), F.count("*"), *[F.sum(weight * t) for t in targets], *map(_missing, targets)).head()
    assert means is not None
    if not means[0]:
        raise no_rows()
    if any(means[2 + units :]):
        raise DataError(
            f"evaluate: the label column has {max(means[2 + units :])} rows that are null or NaN; drop them"
        )
    sums: list[Column] = []
    for t, y, total in zip(targets, values, means[2:], strict=False):
        mean = F.lit(total / means[0])
        error = t - y
        each = (error * error, F.abs(error), (t - mean) * (t - mean), (y - mean) * (y - mean))
        sums += [F.sum(weight * one) for one in each]
    totals = rows.agg(*sums).head()
    assert totals is not None
    by_target = [_figures(np.array(totals[4 * k : 4 * k + 4]), means[0]) for k in range(units)]
    mean_of = {name: float(np.mean([each[name] for each in by_target])) for name in by_target[0]}
    return RegressionSummary(pairs.predictions, means[1], **mean_of, byTarget=by_target, _rows=pairs.rows)


def _figures(sums: np.ndarray, weight: float) -> dict[str, float]:
    squares, absolute, spread, explained = map(float, sums)
    return {
        "meanSquaredError": squares / weight,
        "meanAbsoluteError": absolute / weight,
        "r2": 1 - squares / spread if spread > 0 else float("nan"),
        "explainedVariance": explained / weight,
    }


def _missing(target: Column) -> Column:
    return F.count_if(target.isNull() | F.isnan(target))


def _entry(rows: DataFrame, name: str, units: int, k: int) -> Column:
    """The k-th number of a column of numbers, arrays or vectors, as a double."""
    if units == 1:
        return F.col(name)
    arrays = isinstance(rows.schema[name].dataType, ArrayType)
    return F.get(F.col(name) if arrays else vector_to_array(name), F.lit(k)).cast("double")
