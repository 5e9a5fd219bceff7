"""Summaries of classes, with the names that Spark ML's own summaries have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_deepnet.errors import DataError
from spark_deepnet.metrics.log_loss import MIN_PROBABILITY
from spark_deepnet.plotting.confusion import plot_confusion
from spark_deepnet.spark.evaluation.pairs import LABEL, PREDICTION, PROBABILITY, WEIGHT, Pairs, no_rows
from spark_deepnet.spark.evaluation.roc import Roc
from spark_deepnet.spark.evaluation.shown import EvaluationText


class ClassificationSummary(EvaluationText):
    """Predicted classes beside labels; rows count by weightCol. The lists have one entry per class, in their order."""

    def __init__(self, pairs: Pairs, confusion: np.ndarray, log_loss: float | None) -> None:
        self._pairs = pairs
        self.confusionMatrix = confusion
        """(k, k): the weight of the rows of each label (row) that got each prediction (column)."""
        self.logLoss = log_loss
        """Mean of -log of the label's probability; None where the model has no probabilities."""

    @property
    def predictions(self) -> DataFrame:
        """The DataFrame that was evaluated, with the output columns."""
        return self._pairs.predictions

    @property
    def labels(self) -> list[float]:
        """The classes: 0.0 to k - 1."""
        return [float(c) for c in range(self._pairs.classes)]

    @property
    def classNames(self) -> list[str] | None:
        """The classes' texts, where the model was trained on labels of a StringIndexer."""
        return list(self._pairs.names) if self._pairs.names else None

    @property
    def accuracy(self) -> float:
        """The share of rows whose prediction is the label."""
        return float(np.trace(self.confusionMatrix) / self.confusionMatrix.sum())

    @property
    def balancedAccuracy(self) -> float:
        """The mean recall of the classes that have rows."""
        return float(np.array(self.recallByLabel)[self._actual > 0].mean())

    @property
    def precisionByLabel(self) -> list[float]:
        """Of the rows predicted as the class the share that is of it; 0 where there are none."""
        return _shares(np.diag(self.confusionMatrix), self.confusionMatrix.sum(0))

    @property
    def recallByLabel(self) -> list[float]:
        """Of the class's rows the share that is predicted as it; 0 where there are none."""
        return _shares(np.diag(self.confusionMatrix), self._actual)

    truePositiveRateByLabel = recallByLabel

    @property
    def falsePositiveRateByLabel(self) -> list[float]:
        """Of the rows of other classes the share that is predicted as the class."""
        wrong = self.confusionMatrix.sum(0) - np.diag(self.confusionMatrix)
        return _shares(wrong, self._actual.sum() - self._actual)

    def fMeasureByLabel(self, beta: float = 1.0) -> list[float]:
        """(1 + b^2) P R / (b^2 P + R): precision and recall, of which recall counts b times as much."""
        p, r = np.array(self.precisionByLabel), np.array(self.recallByLabel)
        return _shares((1 + beta**2) * p * r, beta**2 * p + r)

    @property
    def weightedPrecision(self) -> float:
        """The mean precision by the classes' rows; so are the other weighted figures."""
        return self._weighted(self.precisionByLabel)

    @property
    def weightedRecall(self) -> float:
        """The mean recall by the classes' rows, which is the accuracy."""
        return self._weighted(self.recallByLabel)

    weightedTruePositiveRate = weightedRecall

    @property
    def weightedFalsePositiveRate(self) -> float:
        """The mean false-positive rate by the classes' rows."""
        return self._weighted(self.falsePositiveRateByLabel)

    def weightedFMeasure(self, beta: float = 1.0) -> float:
        """The mean F-measure by the classes' rows: Spark ML's "f1" with beta 1."""
        return self._weighted(self.fMeasureByLabel(beta))

    @property
    def byLabel(self) -> list[dict[str, Any]]:
        """A row a class: label, name, weight of its rows, precision, recall, fMeasure, falsePositiveRate."""
        names: Sequence[str | None] = self.classNames or [None] * len(self.labels)
        columns = {
            "label": self.labels,
            "name": names,
            "weight": self._actual.tolist(),
            "precision": self.precisionByLabel,
            "recall": self.recallByLabel,
            "fMeasure": self.fMeasureByLabel(),
            "falsePositiveRate": self.falsePositiveRateByLabel,
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def plotConfusionMatrix(self, normalize: bool = False, ax: Any = None) -> Any:
        """Draw confusionMatrix with matplotlib, onto ax or a new figure's; returns the Axes.

        A cell's colour is its share of the label's rows; labels without rows are gray. normalize: write these shares
        instead of weights, where each cell has its number (up to 15 classes). Of more than 200 classes a cell shows the
        largest share of several.
        """
        names = self.classNames or [f"{label:g}" for label in self.labels]
        return plot_confusion(self.confusionMatrix, names, normalize, ax)

    @cached_property
    def _actual(self) -> np.ndarray:
        """(k,): the weight of each class's rows."""
        return np.asarray(self.confusionMatrix.sum(1))

    def _weighted(self, values: list[float]) -> float:
        return float(np.dot(values, self._actual) / self._actual.sum())

    def _figures(self) -> dict[str, Any]:
        figures = {"accuracy": self.accuracy, "weightedFMeasure": self.weightedFMeasure()}
        loss = {} if self.logLoss is None else {"logLoss": self.logLoss}
        return figures | loss | {"classes": len(self.labels)}

    def _table(self) -> list[dict[str, Any]]:
        named = self.classNames is not None
        return [{name: value for name, value in row.items() if named or name != "name"} for row in self.byLabel]


class BinaryClassificationSummary(ClassificationSummary):
    """The same of two classes, with curves over the threshold; class 1 is the positive one."""

    @cached_property
    def _roc(self) -> Roc:
        return Roc.of(self._pairs.rows)

    @property
    def areaUnderROC(self) -> float:
        """How likely a row of class 1 has a higher score than one of class 0; a job at first use."""
        return self._roc.area

    @property
    def areaUnderPR(self) -> float:
        """The area under precision over recall, by trapezoids as in Spark ML; a job at first use."""
        return self._roc.area_pr

    @property
    def roc(self) -> DataFrame:
        """The ROC curve as columns FPR and TPR, from (0, 0) to (1, 1); a job at first use."""
        return self._frame(["FPR", "TPR"], self._roc.points())

    @property
    def pr(self) -> DataFrame:
        """Precision over recall as columns recall and precision; a job at first use."""
        return self._frame(["recall", "precision"], self._roc.points_pr())

    def _frame(self, names: list[str], columns: np.ndarray) -> DataFrame:
        return self._pairs.rows.sparkSession.createDataFrame(columns.tolist(), ", ".join(f"{n} double" for n in names))


def classification(pairs: Pairs, probability: bool) -> ClassificationSummary:
    """The summary, by one job."""
    k, rows = pairs.classes, pairs.rows
    sums = [F.sum(WEIGHT).alias(WEIGHT)]
    probability = probability and PROBABILITY in rows.columns
    if probability:
        own = F.get(vector_to_array(PROBABILITY), F.col(LABEL).try_cast("int"))
        surprise = -F.log(F.greatest(own, F.lit(MIN_PROBABILITY))) * F.col(WEIGHT)
        sums.append(F.sum(surprise).alias("surprise"))
    confusion, surprises = np.zeros((k, k)), 0.0
    for row in sorted(rows.where(~F.isnan(PREDICTION)).groupBy(LABEL, PREDICTION).agg(*sums).collect(), key=str):
        label = row[LABEL]
        if label is None or label != label or not 0 <= label < k or label != int(label):
            raise DataError(
                f"evaluate: the label column has {label!r}, which is none of the model's classes 0 to {k - 1}"
            )
        confusion[int(label), int(row[PREDICTION])] += row[WEIGHT] or 0.0
        surprises += (row["surprise"] or 0.0) if probability else 0.0
    if not confusion.sum() > 0:
        raise no_rows()
    made = BinaryClassificationSummary if k == 2 else ClassificationSummary
    return made(pairs, confusion, float(surprises / confusion.sum()) if probability else None)


def _shares(parts: np.ndarray, wholes: np.ndarray) -> list[float]:
    """parts / wholes; 0 of nothing."""
    parts, wholes = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0).tolist()  # type: ignore[no-any-return]
