"""A user's DataFrame to the columns that ranks and scorers are sent, with all that can be refused before a job."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    FloatType,
    NumericType,
    ShortType,
    StructField,
    StructType,
)

from spark_deepnet.errors import DataError, NetworkError, near
from spark_deepnet.plan.architecture import Entry
from spark_deepnet.rows.columns import ARRAY, BYTES, STEPS, VALIDATION, VECTOR, WEIGHT, Source, Target
from spark_deepnet.spark.tell_notes import tell_of_classes

FLOATS = "array<float>"
ANY = -1  # a first size of this: any number of steps


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


def depth(f: StructField) -> int:
    """How many arrays of arrays of numbers a column is; 0: no array of numbers."""
    kind, levels = f.dataType, 0
    while isinstance(kind, ArrayType):
        kind, levels = kind.elementType, levels + 1
    return levels if isinstance(kind, NumericType) else 0


def is_image(f: StructField) -> bool:
    """A column of Spark's image data source: its ``data`` holds height x width x channels bytes, blue first."""
    return isinstance(f.dataType, StructType) and set(_IMAGE) <= set(f.dataType.names)


_IMAGE = ("height", "width", "nChannels", "data")


def is_number(f: StructField) -> bool:
    return isinstance(f.dataType, NumericType | BooleanType)


def source_of(df: DataFrame, entry: Entry, columns: Sequence[str]) -> tuple[list[Column], Source]:
    """What is sent for one input of the network."""
    source = Source(entry.shape, entry.name, ", ".join(columns), STEPS if entry.steps else ARRAY, entry.tokens)
    f = field(df, columns[0], "featuresCol")
    if len(columns) > 1 or is_number(f):
        for name in columns:
            _check_number(field(df, name, "featuresCols"), "featuresCols")
        found = [F.array(*[column(name).cast("float") for name in columns])]
    elif is_vector(f):
        source = replace(source, kind=VECTOR)
        found = _unwrapped(f)
    elif depth(f):
        found = [_flat(f, entry).cast(FLOATS)]
    elif isinstance(f.dataType, BinaryType) or is_image(f):
        source = replace(source, kind=BYTES)
        found = [column(f.name).getField("data") if is_image(f) else column(f.name)]
    else:
        raise DataError(
            f"featuresCol: column {f.name!r} is {f.dataType.simpleString()}; expected a vector or an array of numbers "
            f"(VectorAssembler makes one), a binary tensor or an image, or featuresCols with several numeric columns"
        )
    return [part.alias(name) for part, name in zip(found, source.columns, strict=True)], source


def _unwrapped(f: StructField) -> list[Column]:
    """A vector's type, size, indices and values.

    Where a dense one has no indices an empty array is sent: after each row Spark asks for the size of its Arrow batch,
    which over a column of null arrays takes steps by the square of the rows (60,000 rows of 8 numbers: 1.7 s of CPU in
    transform, 1.0 s without). Values are cast here: sent as doubles and cast by NumPy, 60,000 rows of 784 took 1.27
    times the CPU in transform and 1.2 times the seconds of a fit.
    """
    vector = F.unwrap_udt(column(f.name))
    kind, size, indices, values = (vector.getField(name) for name in ("type", "size", "indices", "values"))
    return [kind, size, F.coalesce(indices, F.array().cast("array<int>")), values.cast(FLOATS)]


def _flat(f: StructField, entry: Entry) -> Column:
    """Arrays of arrays as one array; null where steps are of different lengths."""
    found, levels = column(f.name), depth(f)
    if levels == 2 and len(entry.shape) > 1:
        within = math.prod(entry.shape[1:])
        found = F.when(F.forall(found, lambda inner: F.size(inner) == within), found)
    for _ in range(levels - 1):
        found = F.flatten(found)
    return found


def entry_of(
    df: DataFrame, name: str, columns: tuple[str, ...], names: Sequence[str], sizes: tuple[int, ...] | None, tokens: int
) -> Entry:
    """One input of the network: its shape as it was given (a first size of -1: any number of steps), or from the schema,
    or at last from the rows. columns: what the layer names, if any; names: the columns that are read."""
    f = field(df, names[0], "featuresCol")
    told = _width_told(df, names)
    any_steps = sizes[0] == ANY if sizes else depth(f) == 2 or (depth(f) == 1 and tokens > 0)
    if any_steps and depth(f):
        return Entry(_longest(df, f, sizes), name, columns, True, tokens)
    if any_steps:
        raise DataError(
            f"featuresCol: column {f.name!r} is {f.dataType.simpleString()}; sequences of any length come as arrays"
        )
    entry = Entry(sizes or ((told,) if told else _first(df, f)), name, columns, False, tokens)
    check_width(df, names, entry)
    return entry


def check_width(df: DataFrame, names: Sequence[str], entry: Entry) -> None:
    """Refuse columns whose schema tells another number of features than the network takes."""
    told, wanted = _width_told(df, names), math.prod(entry.shape)
    if told is not None and told != wanted and not entry.steps:
        raise NetworkError(
            f"column {', '.join(names)!r}: rows of length {told}, but the first layer takes {wanted}; give layers or "
            f"inputShape for {told}"
        )


def _check_number(f: StructField, param: str) -> None:
    if not is_number(f):
        raise DataError(f"{param}: column {f.name!r} is {f.dataType.simpleString()}; expected a numeric column")


def _width_told(df: DataFrame, names: Sequence[str]) -> int | None:
    """The number of features where the schema tells it: the columns' number, or the metadata of Spark ML."""
    f = field(df, names[0], "featuresCol")
    if len(names) > 1 or is_number(f):
        return len(names)
    told = f.metadata.get("ml_attr", {}).get("num_attrs")
    return int(told) if told else None


def _first(df: DataFrame, f: StructField) -> tuple[int, ...]:
    """The shape of the first row that is not null: a small job."""
    rows = df.select(column(f.name).alias("x")).where(F.col("x").isNotNull())
    if is_image(f):
        rows = rows.select(*[F.col(f"x.{name}") for name in _IMAGE[:3]])
    elif is_vector(f):
        rows = rows.select(F.size(vector_to_array("x")))
    elif depth(f):
        axes = [F.col("x")]
        for _ in range(depth(f) - 1):
            axes.append(axes[-1].getItem(0))
        rows = rows.select(*[F.size(axis) for axis in axes])
    else:
        raise DataError(
            f"featuresCol: column {f.name!r} is {f.dataType.simpleString()}; give inputShape, its rows' shape"
        )
    found = rows.head(1)
    if not found:
        raise DataError(f"featuresCol: column {f.name!r} has no rows to tell the features' number; give inputShape")
    return tuple(int(size) for size in found[0])


def _longest(df: DataFrame, f: StructField, sizes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape of the longest row: a job over the lengths."""
    x = column(f.name)
    inner = F.max(F.size(x.getItem(0))) if depth(f) > 1 else F.lit(1)
    row = df.agg(F.max(F.size(x)).alias("steps"), inner.alias("inner")).head()
    if row is None or not row["steps"] or row["steps"] < 1:
        raise DataError(f"featuresCol: column {f.name!r} has no steps to train on")
    within = sizes[1:] if sizes else (int(row["inner"]),) if depth(f) == 2 else ()
    steps = int(row["steps"])
    return (steps if depth(f) > 1 else max(1, steps // math.prod(within)), *within)


def classes_found(df: DataFrame, labelCol: str) -> int:
    """The highest label and one: a small job."""
    _check_number(field(df, labelCol, "labelCol"), "labelCol")
    label = column(labelCol).cast("double")
    highest, rows = df.agg(F.max(label), F.count(label)).head()  # type: ignore[misc]
    if highest is None or not 1 <= highest < 1e6:
        raise DataError(f"labelCol: column {labelCol!r} should hold classes 0..k-1, its highest value is {highest}")
    tell_of_classes(labelCol, int(highest) + 1, rows)
    return int(highest) + 1


def label_column(df: DataFrame, target: Target) -> Column:
    """The targets of one output, under the name by which they are sent."""
    f = field(df, target.label, "labelCol")
    if target.steps or target.labels > 1:
        return _labels(f, target).alias(target.column)
    if not is_number(f):
        raise DataError(
            f"labelCol: column {f.name!r} is {f.dataType.simpleString()}; expected a numeric column "
            f"(StringIndexer makes classes 0..k-1 of strings)"
        )
    return column(f.name).cast("double").alias(target.column)


def _labels(f: StructField, target: Target) -> Column:
    """Several targets a row."""
    if is_vector(f) and not target.steps:
        return vector_to_array(column(f.name), "float64" if target.dtype == np.float64 else "float32")
    wanted = 2 if target.steps and target.labels > 1 else 1
    if depth(f) != wanted:
        what = "a network with scores for every step" if target.steps else "a network with several outputs"
        raise DataError(
            f"labelCol: column {f.name!r} is {f.dataType.simpleString()}; {what} under this loss expects "
            f"{'arrays of arrays' if wanted == 2 else 'a vector or an array'} of numbers"
        )
    return (F.flatten(column(f.name)) if wanted == 2 else column(f.name)).cast(_numbers(target))


def _numbers(target: Target) -> str:
    """Labels of steps are whole numbers that float32 might round."""
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
    told: dict[str, Any] = field(df, labelCol, "labelCol").metadata.get("ml_attr", {})
    classes = len(told.get("vals", ())) or int(told.get("num_vals", 0))
    if classes > units:
        raise DataError(
            f"labelCol: column {labelCol!r} has {classes} classes, but the last layer has {units} units; give it {classes}"
        )


def weight_column(df: DataFrame, weightCol: str) -> Column:
    _check_number(field(df, weightCol, "weightCol"), "weightCol")
    return column(weightCol).cast("double").alias(WEIGHT)


def validation_column(df: DataFrame, name: str) -> Column:
    f = field(df, name, "validationIndicatorCol")
    if not isinstance(f.dataType, BooleanType):
        raise DataError(
            f"validationIndicatorCol: column {name!r} is {f.dataType.simpleString()}; expected booleans, true for "
            f"validation rows"
        )
    return column(name).alias(VALIDATION)
