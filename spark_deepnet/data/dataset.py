"""A rank's rows in canonical order, and traversals of them; here rows in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from spark_deepnet.data.table import Table
from spark_deepnet.kernels.random import shuffled

CHUNK_ROWS = 1 << 16
"""Rows whose weights are summed at a time."""


class RowBatch(NamedTuple):
    """Some rows of a table, by their row numbers, and the keys of all its rows."""

    table: Table
    keys: np.ndarray
    rows: np.ndarray


class Traversal(ABC):
    """Rows one after another, each once."""

    @abstractmethod
    def between(self, start: int, stop: int) -> RowBatch:
        """The rows from place ``start`` to ``stop`` of the traversal."""

    @abstractmethod
    def loss_weights(self, output: int) -> Iterator[np.ndarray]:
        """Each row's weight in the output's loss, chunk by chunk."""


class Rows(ABC):
    """Training or validation rows of a rank, sorted by a hash of their content: Spark's shuffle guarantees no order,
    but the same rows must give the same weights. The order of rows with equal content does not matter."""

    outputs: int
    """Number of the network's outputs."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def sums(self) -> list[float]:
        """For each output, the sum of all rows' weights in its loss."""

    @abstractmethod
    def in_order(self) -> Traversal: ...

    @abstractmethod
    def sorted_keys(self) -> np.ndarray:
        """(n,) uint64: the keys by which the rows are in their order."""

    @abstractmethod
    def shuffled(self, key: np.uint64) -> Traversal:
        """Traverse in a random order, the same for the same key."""


class InMemoryDataset(Rows):
    """Rows in memory, in the order of arrival: ``order`` has the numbers of the selected rows, in canonical order."""

    def __init__(self, table: Table, keys: np.ndarray, order: np.ndarray) -> None:
        self.table, self.keys, self.order = table, keys, order
        self.outputs = len(table.targets)

    @staticmethod
    def all_of(table: Table) -> InMemoryDataset:
        """All rows of a table, unsorted."""
        return InMemoryDataset(table, table.keys(), np.arange(len(table), dtype=number_type(len(table))))

    def __len__(self) -> int:
        return len(self.order)

    @property
    def sums(self) -> list[float]:
        return [float(weights[self.order].sum(dtype=np.float64)) for weights in self.table.loss_weights]

    def sorted_keys(self) -> np.ndarray:
        return self.keys[self.order]

    def in_order(self) -> InMemoryTraversal:
        return InMemoryTraversal(self, self.order)

    def shuffled(self, key: np.uint64) -> InMemoryTraversal:
        """Every order is as likely as any other."""
        return InMemoryTraversal(self, shuffled(key, self.order))


class InMemoryTraversal(Traversal):
    """A traversal by row numbers."""

    def __init__(self, rows: InMemoryDataset, order: np.ndarray) -> None:
        self.rows, self.order = rows, order

    def between(self, start: int, stop: int) -> RowBatch:
        return RowBatch(self.rows.table, self.rows.keys, self.order[start:stop].astype(np.int64))

    def loss_weights(self, output: int) -> Iterator[np.ndarray]:
        weights = self.rows.table.loss_weights[output]
        for start in range(0, len(self.order), CHUNK_ROWS):
            yield weights[self.order[start : start + CHUNK_ROWS]]


def number_type(n: int) -> type[np.integer]:
    """The integer type of the numbers of n rows: half the bytes if possible."""
    return np.uint32 if n < 1 << 32 else np.int64


def canonical(keys: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the training rows and of the validation rows, each by key."""
    order = np.argsort(keys, kind="stable").astype(number_type(len(keys)))
    if not validation.any():
        return order, order[:0]
    chosen = validation[order]
    return order[~chosen], order[chosen]


def sums_between(loss_weights: Iterable[np.ndarray], ends: np.ndarray) -> np.ndarray:
    """The sums of the numbers between successive ends, in float64."""
    sums, start, total = np.zeros(len(ends)), 0, 0.0
    for piece in loss_weights:
        running = np.cumsum(np.concatenate(([total], piece)), dtype=np.float64)
        here = (ends >= start) & (ends <= start + len(piece))
        sums[here] = running[ends[here] - start]
        start, total = start + len(piece), running[-1]
    return np.diff(sums)
