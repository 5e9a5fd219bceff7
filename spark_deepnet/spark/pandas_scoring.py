"""Scores a pandas frame in this process, without a Spark session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import Source
from spark_deepnet.errors import DataError, near
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.score.output import PREDICTION
from spark_deepnet.score.rows import rows_of
from spark_deepnet.score.score import part_name, score, value_name
from spark_deepnet.score.values import Wanted
from spark_deepnet.spark.extra_columns import LABELS, extra_parts
from spark_deepnet.spark.params.values import check_ranges, names_of


def score_pandas(model: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that ``transform`` of a DeepNetModel appends, predictions first, with the frame's index: those of its
    outputs, as predictionCol names them, of outputLayers, of labelCols and of predictedLabelsCol. Vectors are arrays. A
    cell of a features column holds what ``predict`` takes: a list, an array, a vector of Spark ML, bytes, or an image; a
    column of numbers is one feature.

    Rows without features follow handleInvalid. DataError where a column is missing or holds something else."""
    check_ranges(model)
    columns, parts_beside = model._wanted(), extra_parts(model, model.outputs[0])
    values = model._layer_values()
    has_scores = bool(columns or parts_beside) or not values
    wanted = Wanted(model.architecture, has_scores, tuple(value.node for value in values.values()))
    read = wanted.net().inputs
    sources, parts = [], []
    for entry in (entry for entry in model.architecture.entries if entry.name in read):
        source, part = _input(frame, entry, names_of(model, entry.columns))
        sources.append(source)
        parts.append(part)
    model._flat("predict")
    plan = model._plan(tuple(sources), wanted, tuple(values.values()))
    scored = next(score(plan, [pd.concat(parts, axis=1)])).set_index(frame.index)
    if plan.invalid == "skip":
        scored = scored[scored["valid"]]
    names = {part_name(part, k): name for name, (part, k) in _prediction_first(columns)}
    names |= {value_name(k): name for k, name in enumerate(values)}
    extra = {name: _extra(scored[PREDICTION], part) for name, part in parts_beside.items()}
    return scored[list(names)].rename(columns=names).assign(**extra)


def _extra(predictions: pd.Series, part: str | int) -> pd.Series:
    """A column of the first output's predictions: of one target, or the ids of the labels that are 1."""
    if part == LABELS:
        return predictions.map(lambda row: [float(k) for k in np.flatnonzero(np.asarray(row) == 1)])
    return predictions.map(lambda row: float(np.ravel(row)[int(part)]))


def _prediction_first(columns: Mapping[str, tuple[str, int]]) -> list[tuple[str, tuple[str, int]]]:
    return sorted(columns.items(), key=lambda column: (column[1][1], column[1][0] != "prediction"))


def _input(frame: pd.DataFrame, entry: InputSpec, names: Sequence[str]) -> tuple[Source, pd.DataFrame]:
    """The source of one input, and its columns as a scorer is sent them."""
    for name in names:
        if name not in frame.columns:
            raise DataError(f"predict: the frame has no column {name!r}; {near(name, map(str, frame.columns))}")
    if len(names) > 1 or pd.api.types.is_numeric_dtype(frame[names[0]]):
        cells = list(frame[list(names)].to_numpy())
    else:
        cells = list(frame[names[0]])
    return rows_of(cells, entry, ", ".join(names))
