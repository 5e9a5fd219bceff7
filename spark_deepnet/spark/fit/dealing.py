"""How rows are dealt to workers: by a hash of their values, whatever form these come in.

Equal rows go to one worker, and the same rows to the same workers in every fit, which Spark's own order does not ensure.
"""

from __future__ import annotations

from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_deepnet.data.decode.vectors import DENSE, SPARSE
from spark_deepnet.data.schema import ARRAY, IMAGE, STEPS, VECTOR, WIDE_COLUMNS, Columns, Source
from spark_deepnet.spark.columns.kept import kept
from spark_deepnet.spark.names import column

FLOATS = "array<float>"


def dealing_key(frame: DataFrame, columns: Columns) -> Column:
    """A hash of the values of each row that a fit reads."""
    sources = {name: source for source in columns.sources for name in source.columns}
    exacts = {source.exact for source in columns.sources}
    targets = {target.column: target for target in columns.targets}

    def key(name: str) -> Column | None:
        source = sources.get(name)
        if name in exacts or (source is not None and source.kind == VECTOR):
            return None
        if source is not None and source.kind == IMAGE and name == source.columns[-1]:
            return None  # the file, which is no value
        if source is not None and source.tokens and source.kind in (ARRAY, STEPS) and name == source.columns[0]:
            return F.col(name).cast(FLOATS)
        if name in targets:
            return F.col(name).cast(FLOATS if targets[name].lists else "double")
        return F.col(name)

    return F.xxhash64(*[each for each in map(key, frame.columns) if each is not None])


@kept
def vector_key(name: str, source: Source, wrapped: bool = True) -> Column:
    """A hash of a vector, the same of a sparse one as of the dense one of equal values. Narrow vectors,
    which are mostly dense, are hashed as dense ones, and wide vectors as sparse ones.

    Parts that are not sound are not made into a vector: that would end the job, while a worker refuses them with a count.
    wrapped: whether the column has the vector type, and is not the struct that it is stored as.
    """
    vector = column(name)
    parts = F.unwrap_udt(vector) if wrapped else vector
    kind, size, indices, values = (parts.getField(name) for name in ("type", "size", "indices", "values"))
    floats = values.cast(FLOATS)
    if source.width >= WIDE_COLUMNS or not wrapped:
        return F.xxhash64(*_entries(kind, indices, floats)).alias(source.key)
    sound = (
        (kind == SPARSE)
        & (size == source.width)
        & (F.array_size(indices) == F.array_size(values))
        & (F.array_size(F.array_distinct(indices)) == F.array_size(values))
        & (indices == F.sort_array(indices))
        & (F.coalesce(F.get(indices, F.lit(0)), F.lit(0)) >= 0)
        & (F.coalesce(F.try_element_at(indices, F.lit(-1)), F.lit(0)) < source.width)
        & ~F.exists(values, F.isnull)
    )
    return F.xxhash64(F.when(sound, vector_to_array(vector, "float32")).otherwise(floats)).alias(source.key)


def _entries(kind: Column, indices: Column, values: Column) -> list[Column]:
    """The indices of the numbers that are not 0, and these numbers."""
    zero = F.lit(0.0).cast("float")

    def index(value: Column, k: Column) -> Column:
        return F.when(value != zero, F.when(kind == DENSE, k).otherwise(F.get(indices, k)))

    no_zeros = (kind == SPARSE) & ~F.array_contains(values, zero)
    nonzero = F.array_compact(F.transform(values, index))
    return [F.when(no_zeros, indices).otherwise(nonzero), F.array_remove(values, zero)]
