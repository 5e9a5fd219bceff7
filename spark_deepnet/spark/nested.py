"""Arrays of arrays of numbers: flattened, with the shape of those rows that are not as the network wants them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod

from pyspark.sql import Column
from pyspark.sql import functions as F

from spark_deepnet.plan.architecture import InputSpec


def levels_of(x: Column, depth: int) -> list[Column]:
    """The arrays of each axis, all rows of it one after another: x, then what lies in it, and so on."""
    levels = [x]
    for _ in range(depth - 1):
        levels.append(F.flatten(levels[-1]))
    return levels


def flat_and_shape(x: Column, depth: int, entry: InputSpec) -> list[Column]:
    """The numbers of each row one after another, null where it has another shape; and that shape as a text, else "".

    Only the last axis of a row may be several of the network's axes: a row of pictures 4 x 6 x 1 may come as 4 x 6.
    Arrays that are null within a row make it null.
    """
    levels = levels_of(x, depth)
    wanted = [*entry.shape[: depth - 1], prod(entry.shape[depth - 1 :])]
    checks = [] if entry.steps else [F.array_size(x) == wanted[0]]
    checks += [F.forall(a, _of_size(size)) for a, size in zip(levels, wanted[1:], strict=False)]
    fits = reduce(Column.__and__, checks)
    shape = F.when(fits == F.lit(False), F.coalesce(_shape(levels), F.lit("with nulls"))).otherwise("")
    return [F.when(fits, levels[-1]), F.coalesce(shape, F.lit(""))]


def _of_size(size: int) -> Callable[[Column], Column]:
    return lambda inner: F.array_size(inner) == size


def _shape(levels: list[Column]) -> Column:
    """Such as "(4, 6)", or "(4, 2 to 6)" where rows are ragged."""
    axes = [F.array_size(levels[0]).cast("string"), *map(_sizes, levels[:-1])]
    return F.concat(F.lit("("), F.concat_ws(", ", *axes), F.lit(")"))


def _sizes(arrays: Column) -> Column:
    sizes = F.transform(arrays, lambda inner: F.array_size(inner))
    low, high = F.array_min(sizes), F.array_max(sizes)
    ragged = F.concat(low.cast("string"), F.lit(" to "), high.cast("string"))
    return F.when(low == high, low.cast("string")).otherwise(ragged)
