"""Stores a rank's rows as they arrive: in memory up to a limit, then in a file."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import replace

import numpy as np

from spark_deepnet.data.dataset import InMemoryDataset, Rows, canonical
from spark_deepnet.data.growable import GrowingTable
from spark_deepnet.data.spill.array_file import File
from spark_deepnet.data.spill.dataset import WINDOW_BLOCKS, Spilled
from spark_deepnet.data.spill.footprint import Size
from spark_deepnet.data.spill.sorted_run import SortedRun
from spark_deepnet.data.table import Table

LIMIT_WINDOWS = 4
"""A window of spilled rows takes the limit divided by this: one may still be in use while the next is read."""
MIB = 1 << 20


class RowStore:
    """limit: maximum bytes of rows in memory; 0: no limit. Whether rows are spilled, and into which blocks, depends
    only on the rows, not on their order or on the tables in which they arrive."""

    def __init__(self, like: Table, limit: int = 0) -> None:
        self.like, self.limit = replace(like, order=None), limit
        self.fingerprint = 0
        self.failure: str | None = None
        """Why rows could not be spilled."""
        self.size, self._waiting = Size(), Size()
        """The footprints of all rows, and of the rows in memory."""
        self.ordered = False
        """Whether rows are sorted by a column of theirs rather than by a hash of their content."""
        self._held = GrowingTable(self.like)
        self._file: File | None = None
        self._runs: list[SortedRun] = []

    def add(self, table: Table) -> None:
        """Append rows; after a failure they are only measured."""
        self.size.add(table)
        if self.failure is None:
            keys = table.keys()
            self.fingerprint += key_sum(keys, table.validation)
            self.ordered = table.order is not None
            self._hold(replace(table, order=None), keys if table.order is None else table.order)

    def _hold(self, table: Table, keys: np.ndarray) -> None:
        """Spill the rows in memory first if these exceed the limit."""
        self._waiting.add(table)
        if 0 < self.limit < self._waiting.bytes and self._waiting.rows > len(table):
            self._spill()
            self._waiting.add(table)
        if self.failure is None:
            self._held.append(table, keys)

    def rows(self) -> tuple[Rows, Rows]:
        """Training rows and validation rows. Call this once, after all rows are added."""
        if self.failure is None and self._waiting.rows and 0 < self.limit < self.size.bytes:
            self._spill()
        if not self._runs:
            table, keys = self._held.table(), self._held.keys.array
            training, validation = canonical(keys, table.validation)
            return InMemoryDataset(table, keys, training), InMemoryDataset(table, keys, validation)
        block = max(1, self.size.rows * self.limit // (LIMIT_WINDOWS * WINDOW_BLOCKS * self.size.bytes))
        spilled = Spilled(self._runs, True, block), Spilled(self._runs, False, block)
        for run in self._runs:
            run.forget()
        return spilled

    @property
    def spilled(self) -> int:
        """Bytes in the file."""
        return self._file.size if self._file is not None else 0

    def close(self) -> None:
        """Delete the file; rows read from it stay."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        folder = folder_for_rows()
        try:
            self._file = self._file or File(folder)
            self._runs.append(SortedRun(self._held.table(), self._held.keys.array, self._file, self.ordered))
        except OSError as error:
            self._give_up(folder, error)
        self._held, self._waiting = GrowingTable(self.like), Size()

    def _give_up(self, folder: str, error: OSError) -> None:
        self.close()
        self._file, self._runs = None, []
        free = f", {shutil.disk_usage(folder).free // MIB:,} MiB are free" if os.path.isdir(folder) else ""
        self.failure = f"{folder} on {platform.node()}: {error.strerror}{free}"


def key_sum(keys: np.ndarray, validation: np.ndarray) -> int:
    """A sum over the rows. Validation rows count three times, so that moving a row to them changes the sum."""
    return int(keys.sum(dtype=np.uint64)) + 2 * int(keys[validation].sum(dtype=np.uint64))


def folder_for_rows() -> str:
    """One of Spark's local folders if the task's environment names them, otherwise the system's temporary folder."""
    folders = [folder for folder in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if os.path.isdir(folder)]
    return folders[os.getpid() % len(folders)] if folders else tempfile.gettempdir()
