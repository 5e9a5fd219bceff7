"""Rows sorted into canonical order in memory and written to a file."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.arrays import (
    START_DTYPE,
    Part,
    arrays_of,
    none_of,
    part_like,
    parts_of,
    table_bytes,
    table_like,
)
from spark_deepnet.data.dataset import canonical
from spark_deepnet.data.spill.array_file import File, Stored
from spark_deepnet.data.table import Table

WRITE_BYTES = 1 << 20
"""Bytes that are collected for one write."""


class SortedRun:
    """Training rows, then validation rows, each sorted by key. Keys and weights stay in memory until all runs exist."""

    def __init__(self, table: Table, keys: np.ndarray, file: File, ordered: bool = False) -> None:
        """ordered: whether the keys are numbers of a column, which are needed later."""
        self.ordered = ordered
        training, validation = canonical(keys, table.validation)
        self.training = len(training)
        self.like = table.picked(np.zeros(0, np.int64))
        order = np.concatenate([training, validation])
        self.parts = [_StoredPart(part, len(table), file) for part in (*parts_of(table), keys)]
        rows = max(1, len(table) * WRITE_BYTES // max(1, table_bytes(table)))
        for start in range(0, len(table), rows):
            index = order[start : start + rows].astype(np.int64)
            for own, part in zip(self.parts, (*parts_of(table.picked(index)), keys[index]), strict=True):
                own.write(start, part)
        self.keys = keys[order]
        self.loss_weights = [weights[order] for weights in table.loss_weights]

    def read(self, start: int, stop: int) -> tuple[Table, np.ndarray]:
        """The rows from start to stop, and their keys."""
        *parts, keys = (part.read(start, stop) for part in self.parts)
        return table_like(self.like, parts), keys  # type: ignore[return-value]

    def forget(self) -> None:
        """Free what is also in the file."""
        self.keys, self.loss_weights = self.keys[:0].copy(), []

    def expect(self, start: int, stop: int) -> None:
        """Let the system read these rows ahead."""
        for part in self.parts:
            part.expect(start, stop)

    def place(self, training: bool) -> slice:
        """The range of the training rows, or of the validation rows."""
        return slice(0, self.training) if training else slice(self.training, len(self.keys))


class _StoredPart:
    """The start of each row's entries, and arrays of entries; without starts every row is one entry."""

    def __init__(self, part: Part, rows: int, file: File) -> None:
        starts, arrays = arrays_of(part)
        self.like = none_of(part)
        self.arrays = [file.room(len(a), a.dtype, a.shape[1:]) for a in arrays]
        self.starts: Stored | None = None
        self.written = 0
        """Number of entries written so far, if rows have different numbers of them."""
        if starts is not None:
            self.starts = file.room(rows + 1, START_DTYPE, ())
            self.starts.write(0, np.zeros(1, START_DTYPE))

    def write(self, row: int, part: Part) -> None:
        starts, arrays = arrays_of(part)
        entry = row
        if self.starts is not None and starts is not None:
            entry = self.written
            self.starts.write(row + 1, starts[1:] + entry)
            self.written += int(starts[-1])
        for own, array in zip(self.arrays, arrays, strict=True):
            own.write(entry, array)

    def read(self, start: int, stop: int) -> Part:
        if self.starts is None:
            return part_like(self.like, None, [own.read(start, stop) for own in self.arrays])
        starts = self.starts.read(start, stop + 1)
        arrays = [own.read(int(starts[0]), int(starts[-1])) for own in self.arrays]
        return part_like(self.like, starts - starts[0], arrays)

    def expect(self, start: int, stop: int) -> None:
        if self.starts is not None:
            start, stop = (int(self.starts.read(row, row + 1)[0]) for row in (start, stop))
        for own in self.arrays:
            own.expect(start, stop)
