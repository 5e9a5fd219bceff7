"""The feature columns that ranks and scorers are sent, refused before a job where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BinaryType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    IntegralType,
    LongType,
    StructField,
    StructType,
)

from spark_deepnet.data.decode.vectors import SPARSE
from spark_deepnet.data.schema import ARRAY, BYTES, IMAGE, STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.net.tokens import MAX_IN_FLOATS
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.spark.columns.kept import kept
from spark_deepnet.spark.columns.once_a_frame import once_a_frame
from spark_deepnet.spark.columns.types import (
    FLOATS,
    IMAGE_FIELDS,
    check_number,
    depth,
    element_of,
    is_bare_vector,
    is_image,
    is_number,
    is_vector,
    no_features,
    type_of,
)
from spark_deepnet.spark.fit.rounding import exact
from spark_deepnet.spark.names import column, field
from spark_deepnet.spark.nested import flat_and_shape

_WIDER = (DoubleType, IntegerType, LongType, DecimalType)
"""Types with numbers that float32 does not hold."""
_UNDEFINED = -1
"""The mode of an image that Spark could not decode."""


@once_a_frame
def source_of(df: DataFrame, entry: InputSpec, columns: Sequence[str]) -> tuple[list[Column], Source]:
    """What is sent for one input of the network."""
    source = Source(entry.shape, entry.name, ", ".join(columns), STEPS if entry.steps else ARRAY, entry.tokens)
    f = field(df, columns[0], "featuresCol")
    if len(columns) > 1 or is_number(f):
        fields = [field(df, name, "featuresCols") for name in columns]
        for each in fields:
            check_number(each, "featuresCols")
        kind = _sent_as([each.dataType for each in fields], source)
        sent_columns = [F.array(*[column(name).cast(kind) for name in columns])]
    elif is_vector(f) or is_bare_vector(f):
        source = replace(source, kind=VECTOR)
        return list(_unwrapped(f.name, is_vector(f), source)), source
    elif depth(f):
        source = replace(source, nested=depth(f) > 1)
        sent_columns = _arrays(f, entry, f"array<{_sent_as([element_of(f)[0]], source)}>")
    elif is_image(f):
        source = replace(source, kind=IMAGE, rgb=entry.rgb, resized=entry.resized)
        sent_columns = _image(f, entry)
    elif isinstance(f.dataType, BinaryType):
        source = replace(source, kind=BYTES)
        sent_columns = [column(f.name)]
    else:
        raise no_features(f)
    return [part.alias(name) for part, name in zip(sent_columns, source.columns, strict=True)], source


@once_a_frame
def exact_of(df: DataFrame, entry: InputSpec, columns: Sequence[str], source: Source) -> list[Column]:
    """A few rows of what is sent for an input, as doubles; nothing where float32 holds all numbers of its type."""
    f = field(df, columns[0], "featuresCol")
    fields = [field(df, name, "featuresCols") for name in columns]
    if source.tokens or not (is_vector(f) or any(isinstance(element_of(each)[0], _WIDER) for each in fields)):
        return []
    if is_vector(f):
        return [_exact_of_vector(f.name, source)]
    if depth(f) > 0 and not is_number(f):
        doubles = column(f.name) if depth(f) == 1 else flat_and_shape(column(f.name), depth(f), entry)[0]
    else:
        doubles = F.array(*[column(name).cast("double") for name in columns])
    return [exact(doubles, source)]


@kept
def _exact_of_vector(name: str, source: Source) -> Column:
    return exact(F.unwrap_udt(column(name)).getField("values"), source)


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


@kept
def _unwrapped(name: str, wrapped: bool, source: Source) -> tuple[Column, ...]:
    """A vector's type, size, indices and values; wrapped: whether the column has the vector type, and is not the struct
    that it is stored as.

    Where a dense one has no indices an empty array is sent: after each row Spark asks for the size of its Arrow batch,
    which over a column of null arrays takes steps by the square of the rows (60,000 rows of 8 numbers: 1.7 s of CPU in
    transform, 1.0 s without). Values are cast here: sent as doubles and cast by NumPy, 60,000 rows of 784 took 1.27
    times the CPU in transform and 1.2 times the seconds of a fit.
    """
    vector = F.unwrap_udt(column(name)) if wrapped else column(name)
    kind, size, indices, values = (vector.getField(name) for name in ("type", "size", "indices", "values"))
    none = F.array().cast("array<int>")
    indices = F.when(kind == SPARSE, indices).otherwise(F.coalesce(indices, none))
    parts = (kind, size, indices, values if source.tokens else values.cast(FLOATS))
    return tuple(part.alias(sent) for part, sent in zip(parts, source.columns, strict=True))


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
    """An image's data, null of one that Spark could not decode, and its height, width, channels, mode and file."""
    if len(entry.shape) != len(IMAGE_FIELDS[:3]):
        raise DataError(
            f"featuresCol: column {f.name!r} holds images, of height, width and channels, but the first layer takes rows "
            f"of shape {entry.shape}; give inputShape=[height, width, channels], and Flatten() before what wants vectors"
        )
    image = column(f.name)
    assert isinstance(f.dataType, StructType)
    mode = image.getField("mode") if "mode" in f.dataType.names else F.lit(0)
    data = F.when(mode != _UNDEFINED, image.getField("data"))
    origin = image.getField("origin") if "origin" in f.dataType.names else F.lit(None)
    sizes = [image.getField(name).cast("int") for name in IMAGE_FIELDS[:3]]
    return [data, *sizes, mode.cast("int"), origin.cast("string")]
