"""A user's DataFrame to the columns that ranks and scorers are sent, with all that can be refused before a job."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.mllib.linalg import VectorUDT as OldVectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    IntegralType,
    LongType,
    NumericType,
    ShortType,
    StructField,
    StructType,
)

from spark_deepnet.data.decode.vectors import SPARSE
from spark_deepnet.data.schema import ARRAY, BYTES, IMAGE, STEPS, VALIDATION, VECTOR, WEIGHT, Source, Target
from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.net.tokens import MAX_IN_FLOATS
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.spark.fit.advice import warn_of_classes
from spark_deepnet.spark.fit.rounding import exact
from spark_deepnet.spark.names import column, field
from spark_deepnet.spark.nested import flat_and_shape

FLOATS = "array<float>"
ANY = -1  # a first size of this: any number of steps


def is_vector(f: StructField) -> bool:
    return isinstance(f.dataType, VectorUDT)


def is_bare_vector(f: StructField) -> bool:
    """A vector that came back without its type, as the struct that it is stored as: ORC keeps no such types."""
    return isinstance(f.dataType, StructType) and f.dataType.simpleString() == VectorUDT.sqlType().simpleString()


def depth(f: StructField) -> int:
    """How many arrays of arrays of numbers a column is; 0: no array of numbers."""
    kind, levels = element_of(f)
    return levels if isinstance(kind, NumericType | BooleanType) else 0


def element_of(f: StructField) -> tuple[DataType, int]:
    """The type within arrays of arrays, and how many of these there are."""
    kind, levels = f.dataType, 0
    while isinstance(kind, ArrayType):
        kind, levels = kind.elementType, levels + 1
    return kind, levels


def type_of(f: StructField) -> str:
    """A column's type in a sentence."""
    if isinstance(f.dataType, OldVectorUDT):
        return (
            "a vector of pyspark.mllib.linalg, Spark's old RDD API; MLUtils.convertVectorColumnsToML of pyspark.mllib.util "
            "makes vectors of pyspark.ml.linalg"
        )
    return f.dataType.simpleString()


def is_image(f: StructField) -> bool:
    """A column of Spark's image data source: its ``data`` holds height x width x channels bytes, blue first."""
    return isinstance(f.dataType, StructType) and set(_IMAGE) <= set(f.dataType.names)


_IMAGE = ("height", "width", "nChannels", "data")
_UNDEFINED = -1  # the mode of an image that Spark could not decode


def is_number(f: StructField) -> bool:
    return isinstance(f.dataType, NumericType | BooleanType)


def source_of(df: DataFrame, entry: InputSpec, columns: Sequence[str]) -> tuple[list[Column], Source]:
    """What is sent for one input of the network."""
    source = Source(entry.shape, entry.name, ", ".join(columns), STEPS if entry.steps else ARRAY, entry.tokens)
    f = field(df, columns[0], "featuresCol")
    if len(columns) > 1 or is_number(f):
        fields = [field(df, name, "featuresCols") for name in columns]
        for each in fields:
            _check_number(each, "featuresCols")
        kind = _sent_as([each.dataType for each in fields], source)
        found = [F.array(*[column(name).cast(kind) for name in columns])]
    elif is_vector(f) or is_bare_vector(f):
        source = replace(source, kind=VECTOR)
        found = _unwrapped(f, source)
    elif depth(f):
        source = replace(source, nested=depth(f) > 1)
        found = _arrays(f, entry, f"array<{_sent_as([element_of(f)[0]], source)}>")
    elif is_image(f):
        source = replace(source, kind=IMAGE)
        found = _image(f, entry)
    elif isinstance(f.dataType, BinaryType):
        source = replace(source, kind=BYTES)
        found = [column(f.name)]
    else:
        raise DataError(
            f"featuresCol: column {f.name!r} is {type_of(f)}; expected a vector or an array of numbers "
            f"(VectorAssembler makes one), a binary tensor or an image, or featuresCols with several numeric columns"
        )
    return [part.alias(name) for part, name in zip(found, source.columns, strict=True)], source


def exact_of(df: DataFrame, entry: InputSpec, columns: Sequence[str], source: Source) -> list[Column]:
    """A few rows of what is sent for an input, as doubles; nothing where float32 holds all numbers of its type."""
    f = field(df, columns[0], "featuresCol")
    fields = [field(df, name, "featuresCols") for name in columns]
    if source.tokens or not (is_vector(f) or any(isinstance(element_of(each)[0], _WIDER) for each in fields)):
        return []
    if is_vector(f):
        doubles = F.unwrap_udt(column(f.name)).getField("values")
    elif depth(f) > 0 and not is_number(f):
        doubles = column(f.name) if depth(f) == 1 else flat_and_shape(column(f.name), depth(f), entry)[0]
    else:
        doubles = F.array(*[column(name).cast("double") for name in columns])
    return [exact(doubles, source)]


_WIDER = (DoubleType, IntegerType, LongType, DecimalType)
"""Types with numbers that float32 does not hold."""


def _sent_as(kinds: Sequence[DataType], source: Source) -> str:
    """The type in which numbers go to workers: float, but for tokens, which stay what they are."""
    if not source.tokens:
        return "float"
    if source.tokens > MAX_IN_FLOATS and any(isinstance(kind, FloatType) for kind in kinds):
        raise DataError(
            f"featuresCol: column {source.name!r} is of floats, which tell tokens apart up to {MAX_IN_FLOATS}, but the "
            f"embedding has {source.tokens}; make it int or bigint where it is made"
        )
    return "bigint" if all(isinstance(kind, IntegralType | BooleanType) for kind in kinds) else "double"


def _unwrapped(f: StructField, source: Source) -> list[Column]:
    """A vector's type, size, indices and values.

    Where a dense one has no indices an empty array is sent: after each row Spark asks for the size of its Arrow batch,
    which over a column of null arrays takes steps by the square of the rows (60,000 rows of 8 numbers: 1.7 s of CPU in
    transform, 1.0 s without). Values are cast here: sent as doubles and cast by NumPy, 60,000 rows of 784 took 1.27
    times the CPU in transform and 1.2 times the seconds of a fit.
    """
    vector = F.unwrap_udt(column(f.name)) if is_vector(f) else column(f.name)
    kind, size, indices, values = (vector.getField(name) for name in ("type", "size", "indices", "values"))
    none = F.array().cast("array<int>")
    indices = F.when(kind == SPARSE, indices).otherwise(F.coalesce(indices, none))
    return [kind, size, indices, values if source.tokens else values.cast(FLOATS)]


def _arrays(f: StructField, entry: InputSpec, kind: str) -> list[Column]:
    """Arrays as they are; arrays of arrays flat, beside the shape of those that the network cannot take."""
    levels = depth(f)
    if levels > len(entry.shape):
        raise DataError(
            f"featuresCol: column {f.name!r} is {type_of(f)}, of {levels} axes, but the first layer takes rows of shape "
            f"{entry.shape}; give inputShape of {levels} axes and Flatten() first, or F.flatten the column"
        )
    if levels == 1:
        return [column(f.name).cast(kind)]
    flat, shape = flat_and_shape(column(f.name), levels, entry)
    return [flat.cast(kind), shape]


def _image(f: StructField, entry: InputSpec) -> list[Column]:
    """An image's data, null of one that Spark could not decode, and its height, width, channels and mode."""
    if len(entry.shape) != len(_IMAGE[:3]):
        raise DataError(
            f"featuresCol: column {f.name!r} holds images, of height, width and channels, but the first layer takes rows "
            f"of shape {entry.shape}; give inputShape=[height, width, channels], and Flatten() before what wants vectors"
        )
    image = column(f.name)
    assert isinstance(f.dataType, StructType)
    mode = image.getField("mode") if "mode" in f.dataType.names else F.lit(0)
    data = F.when(mode != _UNDEFINED, image.getField("data"))
    return [data, *(image.getField(name).cast("int") for name in _IMAGE[:3]), mode.cast("int")]


def entry_of(
    df: DataFrame, name: str, columns: tuple[str, ...], names: Sequence[str], sizes: tuple[int, ...] | None, tokens: int
) -> InputSpec:
    """One input of the network: its shape as it was given (a first size of -1: any number of steps), or from the schema,
    or at last from the rows. columns: what the layer names, if any; names: the columns that are read."""
    f = field(df, names[0], "featuresCol")
    told = _width_told(df, names)
    any_steps = sizes[0] == ANY if sizes else depth(f) == 2 or (depth(f) == 1 and tokens > 0)
    if any_steps and depth(f):
        return InputSpec(_longest(df, f, sizes), name, columns, True, tokens)
    if any_steps:
        raise DataError(f"featuresCol: column {f.name!r} is {type_of(f)}; sequences of any length come as arrays")
    entry = InputSpec(sizes or ((told,) if told else _first(df, f)), name, columns, False, tokens)
    check_width(df, names, entry)
    return entry


def check_width(df: DataFrame, names: Sequence[str], entry: InputSpec) -> None:
    """Refuse columns whose schema tells another number of features than the network takes."""
    told, wanted = _width_told(df, names), math.prod(entry.shape)
    if told is not None and told != wanted and not entry.steps:
        raise NetworkError(
            f"column {', '.join(names)!r}: rows of length {told}, but the first layer takes {wanted}; give layers or "
            f"inputShape for {told}"
        )


def _check_number(f: StructField, param: str) -> None:
    if not is_number(f):
        raise DataError(f"{param}: column {f.name!r} is {type_of(f)}; expected a numeric column")


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
        rows = rows.where(F.col("x.height") > 0).select(*[F.col(f"x.{name}") for name in _IMAGE[:3]])
    elif is_vector(f):
        vector = F.unwrap_udt("x")
        rows = rows.select(F.coalesce(vector.getField("size"), F.size(vector.getField("values"))))
    elif is_bare_vector(f):
        rows = rows.select(F.coalesce("x.size", F.size("x.values")))
    elif depth(f):
        axes = [F.col("x")]
        for _ in range(depth(f) - 1):
            axes.append(F.get(axes[-1], F.lit(0)))
        rows = rows.where(F.size(axes[-1]) > 0).select(*[F.size(axis) for axis in axes])
    else:
        raise DataError(f"featuresCol: column {f.name!r} is {type_of(f)}; give inputShape, its rows' shape")
    found = rows.head(1)
    if not found:
        raise DataError(f"featuresCol: column {f.name!r} has no rows to tell the features' number; give inputShape")
    sizes = tuple(found[0])
    if any(size is None or size < 1 for size in sizes):
        raise DataError(f"featuresCol: column {f.name!r} starts with a row of shape {sizes}; give inputShape")
    return sizes


def _longest(df: DataFrame, f: StructField, sizes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape of the longest row: a job over the lengths."""
    x = column(f.name)
    inner = F.max(F.size(F.get(x, F.lit(0)))) if depth(f) > 1 else F.lit(1)
    row = df.agg(F.max(F.size(x)).alias("steps"), inner.alias("inner")).head()
    if row is None or not row["steps"] or row["steps"] < 1:
        raise DataError(f"featuresCol: column {f.name!r} has no steps to train on")
    within = sizes[1:] if sizes else (int(row["inner"] or 0),) if depth(f) == 2 else ()
    if 0 in within:
        raise DataError(f"featuresCol: column {f.name!r} has steps of no numbers; give inputShape=[-1, numbers a step]")
    steps = int(row["steps"])
    return (steps if depth(f) > 1 else max(1, steps // math.prod(within)), *within)


def classes_found(df: DataFrame, labelCol: str) -> int:
    """The highest label and one: a small job."""
    _check_number(field(df, labelCol, "labelCol"), "labelCol")
    label = column(labelCol).cast("double")
    highest, rows = df.agg(F.max(label), F.count(label)).head()  # type: ignore[misc]
    if highest is None or not 1 <= highest < 1e6:
        raise DataError(f"labelCol: column {labelCol!r} should hold classes 0..k-1, its highest value is {highest}")
    warn_of_classes(labelCol, int(highest) + 1, rows)
    return int(highest) + 1


def label_column(df: DataFrame, target: Target) -> Column:
    """The targets of one output, under the name by which they are sent."""
    f = field(df, target.label, "labelCol")
    if target.steps or target.labels > 1:
        return _labels(f, target).alias(target.column)
    if not is_number(f):
        raise DataError(
            f"labelCol: column {f.name!r} is {type_of(f)}; expected a numeric column "
            f"(StringIndexer makes classes 0..k-1 of strings)"
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
