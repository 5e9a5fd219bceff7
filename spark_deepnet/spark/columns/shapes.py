"""The shapes of the network's inputs: given, from the schema, or from the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, StructField

from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.spark.columns.once_a_frame import once_a_frame
from spark_deepnet.spark.columns.types import (
    IMAGE_FIELDS,
    depth,
    is_bare_vector,
    is_image,
    is_number,
    is_vector,
    no_features,
    type_of,
)
from spark_deepnet.spark.names import column, field

ANY = -1
"""A first size of this: any number of steps."""


def entry_of(
    df: DataFrame, name: str, columns: tuple[str, ...], names: Sequence[str], sizes: tuple[int, ...] | None, tokens: int
) -> InputSpec:
    """One input of the network: its shape as it was given (a first size of -1: any number of steps), or from the schema,
    or at last from the rows. columns: what the layer names, if any; names: the columns that are read."""
    f = field(df, names[0], "featuresCol")
    width = _schema_width(df, names)
    any_steps = sizes[0] == ANY if sizes else depth(f) == 2 or (depth(f) == 1 and tokens > 0)
    if any_steps and depth(f):
        return InputSpec(_longest(df, f, sizes), name, columns, True, tokens)
    if any_steps:
        raise DataError(f"featuresCol: column {f.name!r} is {type_of(f)}; sequences of any length come as arrays")
    entry = InputSpec(sizes or ((width,) if width else _first(df, f)), name, columns, False, tokens)
    check_width(df, names, entry)
    return entry


def resized_entry(
    df: DataFrame, name: str, columns: tuple[str, ...], image: str, sizes: tuple[int, ...] | None, size: tuple[int, ...]
) -> InputSpec:
    """An input of images of any size, of which the first layer makes images of ``size``; the channels are those of
    ``sizes``, or of the first image."""
    channels = sizes[-1] if sizes else _first(df, field(df, image, "featuresCol"))[-1]
    return InputSpec((*size, channels), name, columns, resized=True)


def check_width(df: DataFrame, names: Sequence[str], entry: InputSpec) -> None:
    """Refuse columns whose schema has another number of features than the network takes."""
    width, wanted = _schema_width(df, names), math.prod(entry.shape)
    if width is not None and width != wanted and not entry.steps:
        raise NetworkError(
            f"column {', '.join(names)!r}: rows of length {width}, but the first layer takes {wanted}; give layers or "
            f"inputShape for {width}"
        )


def _schema_width(df: DataFrame, names: Sequence[str]) -> int | None:
    """The number of features where the schema has it: the columns' number, or the metadata of Spark ML."""
    f = field(df, names[0], "featuresCol")
    if len(names) > 1 or is_number(f):
        return len(names)
    width = f.metadata.get("ml_attr", {}).get("num_attrs")
    return int(width) if width else None


@once_a_frame
def _first(df: DataFrame, f: StructField) -> tuple[int, ...]:
    """The shape of the first row that is not null: a small job."""
    rows = df.select(column(f.name).alias("x")).where(F.col("x").isNotNull())
    if is_image(f):
        rows = rows.where(F.col("x.height") > 0).select(*[F.col(f"x.{name}") for name in IMAGE_FIELDS[:3]])
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
        if not isinstance(f.dataType, BinaryType):
            raise no_features(f)
        raise DataError(f"featuresCol: column {f.name!r} is {type_of(f)}; give inputShape, its rows' shape")
    first = rows.head(1)
    if not first:
        raise DataError(
            f"featuresCol: cannot infer the number of features: column {f.name!r} has no rows; give inputShape"
        )
    sizes = tuple(first[0])
    if any(size is None or size < 1 for size in sizes):
        raise DataError(f"featuresCol: column {f.name!r} starts with a row of shape {sizes}; give inputShape")
    return sizes


@once_a_frame
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
