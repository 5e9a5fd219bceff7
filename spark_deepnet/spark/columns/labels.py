"""The label, weight and validation columns that ranks are sent."""

from __future__ import annotations

import math

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    ByteType,
    FloatType,
    IntegralType,
    ShortType,
    StructField,
)

from spark_deepnet.data.schema import ORDER, VALIDATION, WEIGHT, Target
from spark_deepnet.errors import DataError
from spark_deepnet.spark.attributes import named_values
from spark_deepnet.spark.columns.once_a_frame import once_a_frame
from spark_deepnet.spark.columns.types import (
    FLOATS,
    check_number,
    depth,
    element_of,
    is_number,
    is_vector,
    type_of,
)
from spark_deepnet.spark.fit.advice import warn_of_classes
from spark_deepnet.spark.names import column, field


@once_a_frame
def count_classes(df: DataFrame, labelCol: str, ignored: int | None = None) -> int:
    """The highest label and one, without the label that the loss ignores: a small job."""
    check_number(field(df, labelCol, "labelCol"), "labelCol")
    label = column(labelCol).cast("double")
    if ignored is not None:
        label = F.when(label != float(ignored), label)
    fraction = F.max(F.when(label % 1 != 0, label))
    lowest, highest, rows, fractional = df.agg(F.min(label), F.max(label), F.count(label), fraction).head()  # type: ignore[misc]
    if fractional is not None and math.isfinite(fractional):
        raise DataError(
            f"labelCol: column {labelCol!r} has fractional labels such as {fractional:g}, but sizes make a classifier, of "
            f"classes 0..k-1; for regression end layers in Dense(1), or in 1 with loss='squared'"
        )
    if highest is None or not 1 <= highest < 1e6:
        raise DataError(f"labelCol: column {labelCol!r} should hold classes 0..k-1, its highest value is {highest}")
    warn_of_classes(labelCol, lowest, int(highest) + 1, rows)
    return int(highest) + 1


@once_a_frame
def label_column(df: DataFrame, target: Target) -> Column:
    """The targets of one output, under the name by which they are sent."""
    f = field(df, target.label, "labelCol")
    if target.steps or target.labels > 1:
        return _labels(f, target).alias(target.column)
    if not is_number(f):
        raise DataError(
            f"labelCol: column {f.name!r} is {type_of(f)}; expected a numeric column (StringIndexer makes classes 0..k-1 of "
            f"texts)"
        )
    return column(f.name).cast(_label_as(f, target)).alias(target.column)


def _label_as(f: StructField, target: Target) -> str:
    """The type in which classes go to workers: whole numbers as such."""
    whole = isinstance(element_of(f)[0], IntegralType) and not target.labels
    return "bigint" if whole else "double"


def _labels(f: StructField, target: Target) -> Column:
    """Several targets a row."""
    if is_vector(f) and not target.steps:
        return vector_to_array(column(f.name), "float64" if target.dtype == np.float64 else "float32")
    wanted = 2 if target.steps and target.labels > 1 else 1
    if depth(f) != wanted:
        what = "a network with scores for every step" if target.steps else "a network with several outputs"
        raise DataError(
            f"labelCol: column {f.name!r} is {type_of(f)}; {what} under this loss expects "
            f"{'arrays of arrays' if wanted == 2 else 'a vector or an array'} of numbers"
        )
    kind = _numbers(target) if target.labels else f"array<{_label_as(f, target)}>"
    return (F.flatten(column(f.name)) if wanted == 2 else column(f.name)).cast(kind)


def _numbers(target: Target) -> str:
    """How targets of a regression, or labels of 0 and 1, are sent."""
    return FLOATS if target.dtype == np.float32 else "array<double>"


def fits_float32(df: DataFrame, labelCol: str) -> bool:
    """Whether float32 holds every number that the column can."""
    kind = field(df, labelCol, "labelCol").dataType
    while isinstance(kind, ArrayType):
        kind = kind.elementType
    return isinstance(kind, FloatType | ShortType | ByteType | BooleanType)


def is_one_label(df: DataFrame, labelCol: str, steps: bool) -> bool:
    """Whether each row, or each step, has one label, rather than several targets; one that is no number is refused as a
    class."""
    f = field(df, labelCol, "labelCol")
    return not is_vector(f) and depth(f) == steps


def check_classes(df: DataFrame, labelCol: str, units: int) -> None:
    """Refuse a label whose metadata (StringIndexer's) names more classes than the network has outputs."""
    classes = named_values(field(df, labelCol, "labelCol"))
    if classes > units:
        raise DataError(
            f"labelCol: column {labelCol!r} has {classes} classes, but the last layer has {units} units; give it {classes}"
        )


@once_a_frame
def weight_column(df: DataFrame, weightCol: str) -> Column:
    check_number(field(df, weightCol, "weightCol"), "weightCol")
    return column(weightCol).cast("double").alias(WEIGHT)


def order_column(df: DataFrame, name: str) -> Column:
    f = field(df, name, "orderCol")
    check_number(f, "orderCol")
    return column(name).cast("bigint" if isinstance(f.dataType, IntegralType) else "double").alias(ORDER)


@once_a_frame
def validation_column(df: DataFrame, name: str) -> Column:
    f = field(df, name, "validationIndicatorCol")
    if not isinstance(f.dataType, BooleanType):
        raise DataError(
            f"validationIndicatorCol: column {name!r} is {f.dataType.simpleString()}; expected booleans, true for "
            f"validation rows"
        )
    return column(name).alias(VALIDATION)
