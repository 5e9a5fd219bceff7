"""Integrated gradients of a DataFrame's rows as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_deepnet.errors import ParamError, near
from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.score.attributions import Attributions
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import ScorePlan, value_name
from spark_deepnet.score.values import Wanted
from spark_deepnet.spark.by_rows import by_rows
from spark_deepnet.spark.evaluation.evaluate import output_number
from spark_deepnet.spark.names import check_new, column, new_name
from spark_deepnet.spark.output_columns import udf_of
from spark_deepnet.spark.params.values import check_ranges
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.weights.files import scorer

WHERE = "integratedGradients"


def integrated_gradients(
    model: Any, df: DataFrame, output_col: str, target: int | None, baseline: Any, steps: int, output: str | None
) -> DataFrame:
    """See ``DeepNetModel.integratedGradients``."""
    check_ranges(model)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ParamError(f"{WHERE}: steps must be an int of at least 1, found {steps!r}")
    wanted = Wanted(model.architecture, True)
    model._flat(WHERE)
    number = output_number(model, output, WHERE)
    _check_output(model.outputs[number])
    entries = _entries(model, wanted)
    names = {entry.name: output_col if len(entries) == 1 else f"{output_col}_{entry.name}" for entry in entries}
    check_new(df, list(names.values()))
    sources, inputs = model._sources(df, wanted)
    plan = model._plan(sources, wanted)
    attributions = Attributions(
        inputs=tuple(names),
        by_step=tuple(entry.steps for entry in entries),
        baselines=_baselines(model, entries, baseline),
        output=number,
        target=_target(model.outputs[number], target),
        binary=model.outputs[number].binary,
        steps=steps,
    )
    return _with_columns(df, inputs, plan, attributions, names)


def _with_columns(
    df: DataFrame, inputs: list[Column], plan: ScorePlan, attributions: Attributions, names: Mapping[str, str]
) -> DataFrame:
    dialect_of(df.sparkSession).use_driver_python()

    def run(plan: ScorePlan, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        return attributions.frames(plan, frames)

    kinds = ["array<array<float>>" if steps else "array<float>" for steps in attributions.by_step]
    kind = ", ".join(["valid boolean", *(f"{value_name(k)} {each}" for k, each in enumerate(kinds))])
    struct = new_name(df, "attributed")
    frame = by_rows(df).withColumn(struct, udf_of(kind, scorer(df.sparkSession, plan, run))(F.struct(*inputs)))
    values = column(struct)
    if plan.invalid == "skip":
        frame = frame.where(values["valid"])
    columns = [
        (values[value_name(k)] if steps else array_to_vector(values[value_name(k)])).alias(name)
        for k, (name, steps) in enumerate(zip(names.values(), attributions.by_step, strict=True))
    ]
    return frame.select("*", *columns).drop(struct)


def _check_output(output: Output) -> None:
    if output.steps or output.image:
        raise ParamError(f"{WHERE}: this output scores every step or cell of a row; it needs one score, or one a class")


def _target(output: Output, target: int | None) -> int | None:
    """The target, which the output must have; a regression of several numbers has no predicted one."""
    count = 2 if output.binary else output.units
    if target is None:
        if output.task == "regression" and count > 1:
            raise ParamError(f"{WHERE}: of the {count} numbers that this output predicts, target must name one, from 0")
        return None
    if isinstance(target, bool) or not isinstance(target, int | np.integer) or not 0 <= target < count:
        raise ParamError(f"{WHERE}: target must be a number from 0 to {count - 1}, found {target!r}")
    return int(target)


def _entries(model: Any, wanted: Wanted) -> list[InputSpec]:
    """The inputs that get attributions."""
    read = wanted.net().inputs
    entries = [entry for entry in model.architecture.entries if entry.name in read and not entry.tokens]
    if not entries:
        raise ParamError(
            f"{WHERE}: all inputs of this network are tokens, which have no gradients; permutationImportance tells how much "
            f"their column counts"
        )
    return entries


def _baselines(model: Any, entries: Sequence[InputSpec], given: Any) -> dict[str, np.ndarray]:
    """Input -> the features of a row that tells nothing."""
    if isinstance(given, Mapping):
        known = [entry.name for entry in entries]
        if unknown := [str(name) for name in given if name not in known]:
            raise ParamError(f"{WHERE}: baseline: there is no input {unknown[0]!r}; {near(unknown[0], known)}")
        return {entry.name: _baseline(model, entry, given.get(entry.name)) for entry in entries}
    if given is not None and np.ndim(given) > 0 and len(entries) > 1:
        raise ParamError(
            f"{WHERE}: baseline: for several inputs give a dictionary of arrays by input: "
            f"{[entry.name for entry in entries]}"
        )
    return {entry.name: _baseline(model, entry, given) for entry in entries}


def _baseline(model: Any, entry: InputSpec, given: Any) -> np.ndarray:
    if given is None:
        return _means(model, entry)
    cells = given.toArray() if hasattr(given, "toArray") else given
    try:
        numbers = np.asarray(cells, np.float32)
    except (TypeError, ValueError):
        numbers = np.asarray(np.nan)
    shape = entry.shape[1:] if entry.steps else entry.shape
    if not np.isfinite(numbers).all() or numbers.size not in (1, prod(shape)):
        raise ParamError(
            f"{WHERE}: baseline: expected a number, or {prod(shape)} finite numbers, one for each of "
            f"{'a step' if entry.steps else 'a row'} of input {entry.name!r}, found {str(given)[:60]}"
        )
    return numbers.reshape(()) if numbers.size == 1 else numbers.reshape(shape)


def _means(model: Any, entry: InputSpec) -> np.ndarray:
    """The means that the network subtracts from the input first; 0 where it does not."""
    readers = [node for node in model.architecture.net().nodes if entry.name in node.inputs]
    if len(readers) == 1 and isinstance(readers[0].layer, Normalization):
        return np.asarray(model.weights[f"{readers[0].owner}/mean"])
    return np.zeros((), np.float32)
