"""Columns that transform makes of the first output's prediction: of each of labelCols, and the ids of predicted labels."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, DoubleType, StructField

from spark_deepnet.score.output import Output
from spark_deepnet.spark.attributes import ML
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import param_or_none

LABELS = "labels"
"""The part of an output that is the ids of its predicted labels; a number: that entry of its prediction."""


def extra_parts(params: DeepNetParams, output: Output) -> dict[str, str | int]:
    """The columns' names -> what each takes of the prediction."""
    parts: dict[str, str | int] = {}
    if output.steps:
        return parts
    if prediction := params.getPredictionCol():
        names = param_or_none(params, "labelCols") or ()
        parts |= {f"{prediction}_{name}": k for k, name in enumerate(names)}
    if (labels := params.getPredictedLabelsCol()) and output.several and output.raw:
        parts[labels] = LABELS
    return parts


def extra_field(name: str, part: str | int) -> StructField:
    kind: DataType = ArrayType(DoubleType()) if part == LABELS else DoubleType()
    return StructField(name, kind, metadata={} if part == LABELS else {ML: {"type": "numeric", "name": name}})


def extra_value(prediction: Column, part: str | int, output: Output) -> Column:
    """The column, of the prediction as the scoring UDF gives it: a number, or an array of numbers."""
    if part == LABELS:
        ids = F.transform(prediction, lambda yes, k: F.when(yes == 1.0, k.cast("double")))
        return F.filter(ids, lambda k: k.isNotNull())
    number = prediction.getItem(part) if output.several else prediction
    return F.coalesce(number, F.lit(float("nan")))
