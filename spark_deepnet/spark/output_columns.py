"""The columns that transform appends: their types, and the UDF that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, FloatType, StructType

from spark_deepnet.kernels.threads import threads
from spark_deepnet.score.output import PREDICTION, Output
from spark_deepnet.score.score import ScorePlan, part_name, value_name
from spark_deepnet.score.values import LayerValue
from spark_deepnet.spark.one_sentence import one_sentence
from spark_deepnet.spark.session.collected_once import note_task
from spark_deepnet.spark.session.task_cpus import task_cpus

_NUMBERS = ArrayType(DoubleType())


def scoring_udf(plan: ScorePlan, scorer: Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]) -> Any:
    """One UDF that gives one struct: with a UDF a column, the network would run once a column."""
    return udf_of(scored_type(plan), scorer)


def udf_of(kind: StructType | str, scorer: Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]) -> Any:
    """The UDF whose workers run the scorer. It counts as not deterministic so that Spark does not run it again for the
    filter that drops invalid rows."""

    def scored(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        note_task()
        with one_sentence(), threads(task_cpus()):
            yield from scorer(frames)

    return F.pandas_udf(scored, kind).asNondeterministic()  # type: ignore[call-overload]


def scored_type(plan: ScorePlan) -> StructType:
    """What the network gives for a row."""
    fields = [
        f"{part_name(part, k)} {_sent_type(part, output)}"
        for k, output in enumerate(plan.outputs)
        for part in output.parts
    ]
    for k, value in enumerate(plan.values):
        fields.append(f"{value_name(k)} {'array<array<float>>' if value.steps else 'array<float>'}")
    return StructType.fromDDL(", ".join(["valid boolean", *fields]))


def _sent_type(part: str, output: Output) -> str:
    """The type in which a part comes back from the UDF."""
    kind, arrays = ("double", output.several) if part == PREDICTION else ("float", True)
    for nested in (arrays, output.steps):
        kind = f"array<{kind}>" if nested else kind
    return kind


def output_value(value: Column, part: str, output: Output) -> Column:
    """A part of the struct as Spark ML's evaluators want it."""
    kind = output_type(part, output)
    if isinstance(kind, DoubleType):  # Arrow makes nulls of NaN, and evaluators do not read nulls
        return F.coalesce(value, F.lit(float("nan")))
    return array_to_vector(value) if isinstance(kind, VectorUDT) else value


def output_type(part: str, output: Output) -> Any:
    """The type of an output column: arrays where every step has its own."""
    if part == PREDICTION:
        if not output.several:
            return _NUMBERS if output.steps else DoubleType()
        if output.steps:
            return ArrayType(_NUMBERS)
        return _NUMBERS if output.raw else VectorUDT()
    return ArrayType(ArrayType(FloatType())) if output.steps else VectorUDT()


def layer_value(sent: Column, value: LayerValue) -> Column:
    """A layer's value, from the struct, as its column."""
    return sent if value.steps else array_to_vector(sent)


def layer_value_type(value: LayerValue) -> Any:
    """The type of the column of a layer's value: an array with a step's numbers each where rows are sequences."""
    return ArrayType(ArrayType(FloatType())) if value.steps else VectorUDT()
