"""A rank's share of the rows, read once, in canonical order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from spark_deepnet.data.dataset import Rows
from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.decode.frame import table_of
from spark_deepnet.data.decode.missing import complete_rows
from spark_deepnet.data.decode.rounding import Rounded, Rounding
from spark_deepnet.data.hold_out import hold_out
from spark_deepnet.data.moments import Column, Moments
from spark_deepnet.data.scales import Scales
from spark_deepnet.data.schema import ORDER, VALIDATION, WEIGHT, Columns
from spark_deepnet.data.spill.row_store import MIB, RowStore
from spark_deepnet.data.table import Table
from spark_deepnet.data.trim import trim_allocators

TABLE_ROWS = 512
"""Rows that become arrays at once: a frame has more, and needs as much memory as its arrays."""


@dataclass
class Shard:
    """Training and validation rows of one rank, in memory or spilled."""

    train: Rows
    valid: Rows
    fingerprint: int
    """A sum over the rows' content, modulo 2^64: the same number for the same training and validation rows, however
    they are distributed."""
    faults: Faults = field(default_factory=Counter)
    failure: str | None = None
    """Why rows could not be spilled, as a sentence; then the shard has no rows."""
    spilled: int = 0
    """Spilled bytes."""
    rounded: Rounded = field(default_factory=dict)
    """Features whose values float32 cannot distinguish."""
    scales: dict[str, Any] = field(default_factory=dict)
    """The size of the rows' numbers, from ``Scales.summary``."""
    skipped: int = 0
    """Rows that were left out because something of them is missing."""
    moments: list[list[Any]] = field(default_factory=list)
    """Exact sums of the training rows, from ``Moments.plain``."""


class Reader:
    """Reads frames into a shard. limit: maximum bytes of rows in memory; 0: no limit. moments: the columns whose exact
    sums are taken, with their channels."""

    def __init__(self, columns: Columns, limit: int = 0, moments: Mapping[Column, int] | None = None) -> None:
        self.columns = columns
        self.faults: Faults = Counter()
        self.skipped = 0
        """Rows that were left out because something of them is missing."""
        self.store = RowStore(_none(columns), limit)
        self.rounding = Rounding(columns)
        self.moments = Moments(moments or {})

    def tables(self, frames: Iterable[pd.DataFrame]) -> Iterator[Table]:
        """The rows of the frames."""
        for frame in frames:
            trim_allocators()  # of the frame before
            self.rounding.look(frame)
            for start in range(0, len(frame), TABLE_ROWS):
                yield self._table(frame.iloc[start : start + TABLE_ROWS])
            del frame  # before the next one is made

    def _table(self, frame: pd.DataFrame) -> Table:
        """The rows of one frame; where incomplete ones are skipped, the others."""
        if not self.columns.skips:
            return table_of(frame, self.columns, self.faults)
        own: Faults = Counter()
        table = table_of(frame, self.columns, own)
        if not own:
            return table
        complete = complete_rows(frame, self.columns)
        self.skipped += int((~complete).sum())
        return table_of(frame[complete], self.columns, self.faults)

    def close(self) -> None:
        """Delete spilled rows."""
        self.store.close()

    def shard(self, tables: Iterable[Table]) -> Shard:
        """All rows of the tables; without tables an empty shard."""
        store, scales = self.store, Scales()
        for arrived in tables:
            table = hold_out(arrived, self.columns)
            scales.add(table)
            self.moments.add(table)
            store.add(table)
            del table, arrived
        train, valid = store.rows()
        fingerprint = store.fingerprint % (1 << 64)
        return Shard(
            train,
            valid,
            fingerprint,
            self.faults,
            self._failure(),
            store.spilled,
            self.rounding.summary(),
            scales.summary(),
            self.skipped,
            self.moments.plain(),
        )

    def _failure(self) -> str | None:
        if self.store.failure is None:
            return None
        wanted, limit = (-(-size // MIB) for size in (self.store.size.bytes, self.store.limit))
        return (
            f"fit: {wanted:,} MiB of a worker's rows cannot be spilled, {self.store.failure}; free space there or set "
            f"spark.local.dir to another disk, raise maxMemoryInMB above {limit:,}, or use more workers"
        )


def _none(columns: Columns) -> Table:
    """A table without rows."""
    names = [name for source in columns.sources for name in source.columns]
    names += [target.column for target in columns.targets] + [WEIGHT, VALIDATION, ORDER]
    return table_of(pd.DataFrame({name: pd.Series(dtype=object) for name in names}), columns, Counter())
