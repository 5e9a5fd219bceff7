"""A user's DataFrame to the columns that ranks and scorers are sent, with all that can be refused before a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BooleanType, NumericType, StructField

from spark_deepnet.errors import DataError, near
from spark_deepnet.rows.columns import DENSE, LABEL, SPARSE, VALIDATION, WEIGHT

FLOATS = "array<float>"


def field(df: DataFrame, name: str, param: str) -> StructField:
    """The schema's field of a column that a Param names."""
    found = [f for f in df.schema.fields if f.name == name]
    if not found:
        raise DataError(f"{param}: there is no column {name!r}; {near(name, df.columns)}")
    return found[0]


def column(name: str) -> Column:
    """A column by its whole name, dots and all."""
    return F.col("`{}`".format(name.replace("`", "``")))


def is_vector(f: StructField) -> bool:
    return isinstance(f.dataType, VectorUDT)


def is_array_of_numbers(f: StructField) -> bool:
    return isinstance(f.dataType, ArrayType) and isinstance(f.dataType.elementType, NumericType)


def is_number(f: StructField) -> bool:
    return isinstance(f.dataType, NumericType | BooleanType)


def feature_columns(df: DataFrame, featuresCol: str, featuresCols: Sequence[str] | None) -> tuple[list[Column], bool]:
    """The feature columns to send, and whether they are unwrapped vectors."""
    if featuresCols:
        for name in featuresCols:
            _check_number(field(df, name, "featuresCols"), "featuresCols")
        return [F.array(*[column(name).cast("float") for name in featuresCols]).alias(DENSE)], False
    f = field(df, featuresCol, "featuresCol")
    if is_vector(f):
        vector = F.unwrap_udt(column(featuresCol))
        parts = [vector.getField(name) for name in SPARSE[:3]] + [vector.getField("values").cast(FLOATS)]
        return [part.alias(name) for part, name in zip(parts, SPARSE, strict=True)], True
    if is_array_of_numbers(f):
        return [column(featuresCol).cast(FLOATS).alias(DENSE)], False
    raise DataError(
        f"featuresCol: column {featuresCol!r} is {f.dataType.simpleString()}; expected a vector or an array of numbers "
        f"(VectorAssembler makes one), or featuresCols with the names of several numeric columns"
    )


def _check_number(f: StructField, param: str) -> None:
    if not is_number(f):
        raise DataError(f"{param}: column {f.name!r} is {f.dataType.simpleString()}; expected a numeric column")


def width_told(df: DataFrame, featuresCol: str, featuresCols: Sequence[str] | None) -> int | None:
    """The number of features where the schema tells it: the columns' number, or the metadata of Spark ML."""
    if featuresCols:
        return len(featuresCols)
    told = field(df, featuresCol, "featuresCol").metadata.get("ml_attr", {}).get("num_attrs")
    return int(told) if told else None


def width_found(df: DataFrame, featuresCol: str) -> int:
    """The number of features of the first row that has any: a small job."""
    f = field(df, featuresCol, "featuresCol")
    array = vector_to_array(column(featuresCol)) if is_vector(f) else column(featuresCol)
    rows = df.select(F.size(array).alias("n")).where(F.col("n") >= 0).head(1)
    if not rows:
        raise DataError(f"featuresCol: column {featuresCol!r} has no rows to tell the features' number; give inputShape")
    return int(rows[0]["n"])


def classes_found(df: DataFrame, labelCol: str) -> int:
    """The highest label and one: a small job."""
    _check_number(field(df, labelCol, "labelCol"), "labelCol")
    highest = df.agg(F.max(column(labelCol).cast("double"))).head()[0]  # type: ignore[index]
    if highest is None or not 1 <= highest < 1e6:
        raise DataError(f"labelCol: column {labelCol!r} should hold classes 0..k-1, its highest value is {highest}")
    return int(highest) + 1


def label_column(df: DataFrame, labelCol: str, several: bool) -> Column:
    f = field(df, labelCol, "labelCol")
    if several and is_vector(f):
        return vector_to_array(column(labelCol), "float32").alias(LABEL)
    if several and is_array_of_numbers(f):
        return column(labelCol).cast(FLOATS).alias(LABEL)
    if several:
        raise DataError(
            f"labelCol: column {labelCol!r} is {f.dataType.simpleString()}; a network with several outputs under this "
            f"loss expects a vector or an array of numbers"
        )
    if not is_number(f):
        raise DataError(
            f"labelCol: column {labelCol!r} is {f.dataType.simpleString()}; expected a numeric column "
            f"(StringIndexer makes classes 0..k-1 of strings)"
        )
    return column(labelCol).cast("double").alias(LABEL)


def check_classes(df: DataFrame, labelCol: str, units: int) -> None:
    """Refuse a label whose metadata (StringIndexer's) names more classes than the network has outputs."""
    told: dict[str, Any] = field(df, labelCol, "labelCol").metadata.get("ml_attr", {})
    classes = len(told.get("vals", ())) or int(told.get("num_vals", 0))
    if classes > units:
        raise DataError(
            f"labelCol: column {labelCol!r} has {classes} classes, but the last layer has {units} units; give it {classes}"
        )


def weight_column(df: DataFrame, weightCol: str) -> Column:
    _check_number(field(df, weightCol, "weightCol"), "weightCol")
    return column(weightCol).cast("float").alias(WEIGHT)


def validation_column(df: DataFrame, name: str) -> Column:
    f = field(df, name, "validationIndicatorCol")
    if not isinstance(f.dataType, BooleanType):
        raise DataError(
            f"validationIndicatorCol: column {name!r} is {f.dataType.simpleString()}; expected booleans, true for "
            f"validation rows"
        )
    return column(name).alias(VALIDATION)
