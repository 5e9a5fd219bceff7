"""A table as plain arrays, which can grow and be written and read without knowing their meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Dense, Sparse, Table

Part = Dense | Sparse | Ragged | np.ndarray
START_DTYPE = np.dtype(np.int64)


def parts_of(table: Table) -> list[Part]:
    """Features by input, targets by output, weights, and the mask of validation rows."""
    return [*table.features.values(), *table.targets, table.weights, table.validation]


def table_like(table: Table, parts: Sequence[Part]) -> Table:
    """The inverse of ``parts_of``, with the table's names."""
    *columns, weights, validation = parts
    count = len(table.features)
    return Table(dict(zip(table.features, columns, strict=False)), tuple(columns[count:]), weights, validation)  # type: ignore[arg-type]


def arrays_of(part: Part) -> tuple[np.ndarray | None, tuple[np.ndarray, ...]]:
    """The start of each row's entries, and arrays of entries; None: every row is one entry."""
    if isinstance(part, Sparse):
        return part.starts, (part.columns, part.values)
    if isinstance(part, Ragged):
        return part.starts, (part.values,)
    return None, (part.matrix if isinstance(part, Dense) else part,)


def part_like(part: Part, starts: np.ndarray | None, arrays: Sequence[np.ndarray]) -> Part:
    """The inverse of ``arrays_of``."""
    if isinstance(part, Sparse):
        assert starts is not None
        return Sparse(starts, arrays[0], arrays[1], part.width)
    if isinstance(part, Ragged):
        assert starts is not None
        return Ragged(arrays[0], starts)
    return Dense(arrays[0]) if isinstance(part, Dense) else arrays[0]


def none_of(part: Part) -> Part:
    """A copy without rows, which keeps no reference to this one's rows."""
    starts, arrays = arrays_of(part)
    return part_like(part, None if starts is None else np.zeros(1, START_DTYPE), [a[:0].copy() for a in arrays])


def bytes_of(part: Part) -> int:
    """Bytes of the rows: joined tables take the sum of their parts' bytes."""
    starts, arrays = arrays_of(part)
    return sum(a.nbytes for a in arrays) + (0 if starts is None else START_DTYPE.itemsize * (len(starts) - 1))


def table_bytes(table: Table) -> int:
    return sum(map(bytes_of, parts_of(table)))
