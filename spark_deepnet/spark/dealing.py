"""By what rows are dealt to workers: their values, in whatever form these came.

Equal rows come to one worker, and the same rows to the same workers in every fit: Spark's own order gives no such thing.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_deepnet.rows.columns import ARRAY, STEPS, VECTOR, WIDE, Columns, Source
from spark_deepnet.rows.vectors import DENSE, SPARSE

FLOATS = "array<float>"


def dealing_key(frame: DataFrame, columns: Columns) -> Column:
    """A hash of the values of each row that a fit is sent."""
    told: dict[str, list[Column]] = {name: [F.col(name)] for name in frame.columns}
    for source in columns.sources:
        parts = [F.col(name) for name in source.columns]
        if source.kind == VECTOR:
            told |= {name: [] for name in source.columns}
            told[source.columns[0]] = _vector(source, *parts)
        elif source.tokens and source.kind in (ARRAY, STEPS):
            told[source.columns[0]] = [parts[0].cast(FLOATS)]
    for source in columns.sources:
        told.pop(source.exact, None)
    for target in columns.targets:
        told[target.column] = [F.col(target.column).cast(FLOATS if target.lists else "double")]
    return F.xxhash64(*[key for keys in told.values() for key in keys])


def _vector(source: Source, kind: Column, size: Column, indices: Column, values: Column) -> list[Column]:
    """The same of a sparse vector as of the dense one of equal values. Dense ones, which are the more usual among narrow
    vectors, are hashed as they are there, and sparse ones among wide vectors."""
    values = values.cast(FLOATS)
    if source.width >= WIDE:
        return _entries(kind, indices, values)
    sound = (
        (kind == SPARSE)
        & (size == source.width)
        & (F.array_size(indices) == F.array_size(values))
        & (indices == F.sort_array(indices))
        & (F.coalesce(F.get(indices, F.lit(0)), F.lit(0)) >= 0)
        & (F.coalesce(F.try_element_at(indices, F.lit(-1)), F.lit(0)) < source.width)
    )
    return [F.when(sound, _filled(indices, values, source.width)).otherwise(values)]


def _filled(indices: Column, values: Column, width: int) -> Column:
    """A sparse vector with its zeros: those before each entry, the entry, and those behind the last."""

    def entry(index: Column, k: Column) -> Column:
        before = F.coalesce(F.get(indices, k - 1), F.lit(-1))
        return F.concat(_zeros(index - before - 1), F.array(F.get(values, k)))

    last = F.coalesce(F.try_element_at(indices, F.lit(-1)), F.lit(-1))
    return F.concat(F.flatten(F.transform(indices, entry)), _zeros(F.lit(width - 1) - last))


def _zeros(count: Column) -> Column:
    return F.array_repeat(F.lit(0.0).cast("float"), count)


def _entries(kind: Column, indices: Column, values: Column) -> list[Column]:
    """The places of the numbers that are not 0, and these."""
    zero = F.lit(0.0).cast("float")

    def place(value: Column, k: Column) -> Column:
        return F.when(value != zero, F.when(kind == DENSE, k).otherwise(F.get(indices, k)))

    all_there = (kind == SPARSE) & ~F.array_contains(values, zero)
    found = F.array_compact(F.transform(values, place))
    return [F.when(all_there, indices).otherwise(found), F.array_remove(values, zero)]
