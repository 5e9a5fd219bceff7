"""The memory of rows, however they are cut into tables."""

from __future__ import annotations

from collections import Counter

from spark_deepnet.data.arrays import START_DTYPE, table_bytes
from spark_deepnet.data.table import Dense, Sparse, Table

KEY_BYTES, INDEX_BYTES = 8, 4
"""Bytes of a row's hash, and of its number in an order: the canonical order, and an epoch's."""


class Size:
    """A sum over tables. Dense rows among sparse ones count as sparse, which they will become."""

    def __init__(self) -> None:
        self.rows = self._bytes = 0
        self._dense: Counter[str] = Counter()
        self._sparse: set[str] = set()

    def add(self, table: Table) -> None:
        self.rows += len(table)
        self._bytes += table_bytes(table) + len(table) * (KEY_BYTES + 2 * INDEX_BYTES)
        for name, features in table.features.items():
            if isinstance(features, Dense):
                self._dense[name] += features.matrix.nbytes + len(table) * START_DTYPE.itemsize
            elif isinstance(features, Sparse):
                self._sparse.add(name)

    @property
    def bytes(self) -> int:
        return self._bytes + sum(self._dense[name] for name in self._sparse)
