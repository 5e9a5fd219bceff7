"""Permutation importance: how much worse a model predicts where a feature tells nothing (Breiman, Machine Learning, 2001).

Some rows are scored on the driver, once as they are, and for each feature with its values permuted among the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_deepnet.errors import DataError, ParamError
from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.spark.attributes import ML
from spark_deepnet.spark.columns.several_labels import with_label
from spark_deepnet.spark.evaluation.evaluate import label_of, weight_of, with_all_columns
from spark_deepnet.spark.evaluation.pairs import LABEL, WEIGHT
from spark_deepnet.spark.names import column, field, new_name
from spark_deepnet.spark.pandas_scoring import score_pandas
from spark_deepnet.spark.params.values import names_of

MAX_ENTRIES = 1000
"""A vector of more counts as one feature."""
_SIZES = {"rows": 2, "repeats": 1}


@dataclass(frozen=True)
class Feature:
    """What is permuted: a column, or an entry of its vectors."""

    name: str
    column: str
    entry: int | None = None

    def permuted(self, frame: pd.DataFrame, order: np.ndarray) -> pd.DataFrame:
        """The frame with the values of the rows in this order."""
        values = frame[self.column]
        if self.entry is None:
            moved = values.iloc[order].to_numpy()
        else:
            matrix = np.stack([_array(value) for value in values])
            matrix[:, self.entry] = matrix[order, self.entry]
            moved = list(matrix)
        return frame.assign(**{self.column: pd.Series(moved, index=frame.index, dtype=values.dtype)})


def permutation_importance(model: Any, df: DataFrame, metric: Any, repeats: int, rows: int, seed: int) -> pd.DataFrame:
    """See ``DeepNetModel.permutationImportance``."""
    for name, value in (("repeats", repeats), ("rows", rows)):
        if isinstance(value, bool) or not isinstance(value, int) or value < _SIZES[name]:
            raise ParamError(
                f"permutationImportance: {name} must be an int of at least {_SIZES[name]}, found {value!r}"
            )
    output = model.outputs[0]
    measure = Metric.of(metric or ("r2" if output.task == "regression" else "accuracy"))
    if needs := measure.misfit(output.task, output.units, model.architecture.heads()[0].loss.link):
        raise ParamError(f"permutationImportance: {measure.kind} needs {needs}")
    if output.steps:
        raise DataError(
            "permutationImportance: this network scores every step of a row, for which there is no importance"
        )
    features = list(_features(model, df))
    frame, label, weight = _collected(model, df, [feature.column for feature in features], rows, seed)
    params = with_all_columns(model)

    def measured(rows: pd.DataFrame) -> float:
        return _value(measure, params, score_pandas(params, rows), label, weight)

    return _table(features, frame, measured, measure, repeats, seed)


def _table(
    features: list[Feature],
    frame: pd.DataFrame,
    measured: Callable[[pd.DataFrame], float],
    measure: Metric,
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """A row for each feature, the most important first."""
    chance, whole, sign = np.random.default_rng(seed), measured(frame), 1.0 if measure.higher else -1.0
    rows = []
    for feature in features:
        drops = [
            sign * (whole - measured(feature.permuted(frame, chance.permutation(len(frame))))) for _ in range(repeats)
        ]
        rows.append((feature.name, float(np.mean(drops)), float(np.std(drops))))
    table = pd.DataFrame(rows, columns=["feature", "importance", "deviation"])
    table.attrs = {"metric": measure.name, "value": whole}
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _features(model: Any, df: DataFrame) -> Iterator[Feature]:
    """Entries of vectors by their names in the metadata; columns of numbers, images, tokens and sequences whole."""
    for each in model.architecture.entries:
        columns = names_of(model, each.columns)
        for name in columns:
            f = field(df, name, "featuresCol")
            width = prod(each.shape)
            several = len(each.shape) == 1 and 1 < width <= MAX_ENTRIES and not (each.steps or each.tokens)
            if len(columns) > 1 or not several:
                yield Feature(f.name, f.name)
                continue
            attributes = f.metadata.get(ML, {}).get("attrs", {})
            names = {a["idx"]: a["name"] for kind in attributes.values() for a in kind if a.get("name")}
            yield from (Feature(names.get(k, f"{f.name}[{k}]"), f.name, k) for k in range(width))


def _collected(
    model: Any, df: DataFrame, columns: list[str], rows: int, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Features, labels and weights of some rows, which are drawn from all."""
    labelled, name = with_label(model, df)
    label, weight = new_name(df, LABEL), new_name(df, WEIGHT)
    chosen = labelled.select(
        *(column(each) for each in dict.fromkeys(columns)),
        label_of(model, labelled, name, 0).alias(label),
        weight_of(model, labelled).alias(weight),
    )
    frame = chosen.where(column(label).isNotNull() & (column(weight) > 0)).orderBy(F.rand(seed)).limit(rows).toPandas()
    if len(frame) < 2:
        raise DataError(
            f"permutationImportance: expected 2 rows or more with a label and a weight above 0, found {len(frame)}"
        )
    values = np.stack([_array(cell) for cell in frame[label]]) if frame[label].dtype == object else frame[label]
    return frame.drop(columns=[label, weight]), np.asarray(values, float), frame[weight].to_numpy(float)


def _value(measure: Metric, model: Any, scored: pd.DataFrame, label: np.ndarray, weight: np.ndarray) -> float:
    """The metric of scores beside labels. Rows that have no score, as handleInvalid says, are left out."""
    output, there = model.outputs[0], scored.index.to_numpy()
    numbers = np.stack([_array(cell) for cell in scored[model.getPredictionCol()]]).reshape(len(there), -1)
    scores, linked, targets = numbers, numbers, label[there].reshape(len(there), -1)
    if output.raw:
        scores = linked = np.stack([_array(cell) for cell in scored[model.getRawPredictionCol()]])
    if output.probability and model.getProbabilityCol():
        linked = np.stack([_array(cell) for cell in scored[model.getProbabilityCol()]])
    task = "classification" if output.classes else output.task
    if output.classes:
        targets = targets[:, 0].astype(np.int64)
    return measure.value(measure.part(ScoredRows(task, scores, linked, targets, weight[there])))


def _array(cell: Any) -> np.ndarray:
    return np.asarray(cell.toArray() if hasattr(cell, "toArray") else cell, float)
