"""Weights of classes: those given, or those that balance the training rows, which a small job counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_deepnet.data.schema import VALIDATION, WEIGHT, Columns, Target
from spark_deepnet.errors import ParamError
from spark_deepnet.spark.columns.labels import label_column, validation_column, weight_column
from spark_deepnet.spark.columns.once_a_frame import once_a_frame
from spark_deepnet.spark.names import column
from spark_deepnet.spark.params.class_weights import BALANCED


def class_weights(df: DataFrame, columns: Columns, given: str | Sequence[float] | None) -> tuple[float, ...]:
    """One weight per class; empty where the Param is unset. ParamError if the network has no such classes."""
    if given is None:
        return ()
    target = _target_of(columns)
    if isinstance(given, str):
        assert given == BALANCED
        return balanced(_weight_by_class(df, columns, target), target.classes)
    if len(given) != target.classes:
        raise ParamError(f"classWeights: expected one weight for each of {target.classes} classes, found {len(given)}")
    return tuple(given)


@once_a_frame
def class_weight(df: DataFrame, columns: Columns) -> Column:
    """Of each row the weight of its class; 1 where the label is none, which the fit ignores or refuses."""
    (target,) = columns.targets
    label = label_column(df, target).cast("double")
    if target.indicators:
        label = F.when(label > 0.5, 1.0).when(label >= 0, 0.0)
    each = F.get(F.array(*map(F.lit, columns.class_weights)), label.cast("int"))
    return F.coalesce(F.when((label >= 0) & (label < len(columns.class_weights)), each), F.lit(1.0))


def _target_of(columns: Columns) -> Target:
    """The only target, which must be one class a row."""
    if len(columns.targets) > 1:
        raise ParamError("classWeights: the network has several outputs; give each row its weight in weightCol")
    (target,) = columns.targets
    if target.steps:
        raise ParamError("classWeights: every step has a class of its own; leave them unset")
    if not target.classes:
        raise ParamError(
            "classWeights: this loss has no classes that exclude one another; leave them unset, or use weightCol"
        )
    return target


def balanced(weights: Mapping[int, float], classes: int) -> tuple[float, ...]:
    """W / (k W_c): W is the weight of all rows, W_c that of class c, k the number of classes with any (scikit-learn's
    rule); 1 for the others."""
    counted = {c: weight for c, weight in weights.items() if 0 <= c < classes and weight > 0}
    total = sum(counted.values())
    return tuple(total / (len(counted) * counted[c]) if c in counted else 1.0 for c in range(classes))


@once_a_frame
def _weight_by_class(df: DataFrame, columns: Columns, target: Target) -> dict[int, float]:
    """The sum of the training rows' weights by class. Labels that are no class are left to the fit, which refuses them."""
    label = label_column(df, target).cast("double").alias(target.column)
    weight = weight_column(df, columns.weight) if columns.weight else F.lit(1.0).alias(WEIGHT)
    held = validation_column(df, columns.validation) if columns.validation else F.lit(False).alias(VALIDATION)
    rows = df.select(label, weight, held).where(~column(VALIDATION) & column(target.column).isNotNull())
    if target.ignore is not None:
        rows = rows.where(column(target.column) != float(target.ignore))
    classes: list[Any] = rows.groupBy(target.column).agg(F.sum(WEIGHT).alias(WEIGHT)).collect()
    sums: dict[int, float] = {}
    for row in sorted(classes):
        value, summed = row
        if summed is not None and value == value // 1:
            sums[int(value)] = summed
    return sums
