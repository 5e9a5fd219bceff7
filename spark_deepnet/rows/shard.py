"""A rank's share of the rows, read once, in canonical order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from spark_deepnet.rows.columns import OWNER, PART, STATE, VALIDATION, WEIGHT, Columns
from spark_deepnet.rows.decode import table_of
from spark_deepnet.rows.features import Faults
from spark_deepnet.rows.table import Table


@dataclass
class Shard:
    """Training and validation rows of one rank, each sorted by a hash of their content: Spark's shuffle gives no order,
    but the same rows must give the same weights. Rows of equal content are alike, so their order does not matter."""

    train: Table
    train_keys: np.ndarray
    valid: Table
    faults: Faults = field(default_factory=Counter)
    state: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Chunks of the last job's state that came among the rows, by owner and number."""

    @property
    def fingerprint(self) -> int:
        """A sum over the content of the training rows: the same rows, the same number, however they are dealt."""
        return int(self.train_keys.sum(dtype=np.uint64))


def read_shard(frames: Iterable[pd.DataFrame], columns: Columns) -> Shard:
    """All rows that come, as one shard; no rows make an empty one."""
    faults: Faults = Counter()
    state: dict[tuple[int, int], bytes] = {}
    tables = []
    for frame in frames:
        if STATE in frame:
            chunks = frame[frame[STATE].notna()]
            names = zip(chunks[OWNER].astype(int), chunks[PART].astype(int), strict=True)
            state.update(zip(names, map(bytes, chunks[STATE]), strict=True))
            frame = frame[frame[STATE].isna()]
        if len(frame):
            tables.append(table_of(frame, columns, faults))
    return sorted_shard(Table.joined(tables) if tables else _none(columns), faults, state)


def sorted_shard(table: Table, faults: Faults, state: dict[tuple[int, int], bytes]) -> Shard:
    """Rows in canonical order, training rows and validation rows apart."""
    keys = table.keys()
    order = np.argsort(keys, kind="stable")
    training = order[~table.validation[order]]
    validation = order[table.validation[order]]
    return Shard(table.picked(training), keys[training], table.picked(validation), faults, state)


def _none(columns: Columns) -> Table:
    """The table of no rows."""
    names = [name for source in columns.sources for name in source.columns]
    names += [target.column for target in columns.targets] + [WEIGHT, VALIDATION]
    return table_of(pd.DataFrame({name: pd.Series(dtype=object) for name in names}), columns, Counter())
