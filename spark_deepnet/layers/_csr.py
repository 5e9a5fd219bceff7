"""Sparse rows instead of a matrix, for layers that need only the entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.kernels.sparse import gather_entries, number, row_starts


class Csr:
    """The matrix (n, width) as compressed sparse rows: row n holds ``values[p]`` in ``columns[p]`` for p in
    starts[n]..starts[n + 1], several entries of one column add up, all other numbers are 0. It is refilled for every
    batch."""

    def __init__(self, width: int, dtype: Any) -> None:
        self.width = width
        self.starts = np.zeros(1, np.int64)
        self._columns, self._places, self._seen = (np.zeros(0, np.int32) for _ in range(3))
        self._values = np.zeros(0, dtype)
        self._place = np.full(width, -1, np.int32)
        self._different: int | None = None

    def fill(self, starts: np.ndarray, columns: np.ndarray, values: np.ndarray, index: np.ndarray) -> None:
        """Take these rows of a table in CSR form."""
        self.starts = np.empty(len(index) + 1, np.int64)
        row_starts(starts, index, self.starts)
        if self.size > len(self._values):
            self._columns, self._places, self._seen = (np.empty(2 * self.size, np.int32) for _ in range(3))
            self._values = np.empty(2 * self.size, self._values.dtype)
        gather_entries(starts, columns, values, index, self._columns, self._values)
        self._different = None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.starts) - 1, self.width

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(self.starts[-1])

    @property
    def columns(self) -> np.ndarray:
        return self._columns[: self.size]

    @property
    def values(self) -> np.ndarray:
        return self._values[: self.size]

    @property
    def seen(self) -> np.ndarray:
        """(k,) int32: the columns with entries, each once."""
        return self._seen[: self._numbered()]

    @property
    def places(self) -> np.ndarray:
        """For each entry, the place of its column in ``seen``."""
        self._numbered()
        return self._places[: self.size]

    def _numbered(self) -> int:
        if self._different is None:
            self._different = int(number(self.columns, self._place, self._seen, self._places))
        return self._different
