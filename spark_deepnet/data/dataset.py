"""A rank's rows in their canonical order, and passes over them; here those that are in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from spark_deepnet.data.table import Table
from spark_deepnet.kernels.random import shuffled

CHUNK_ROWS = 1 << 16
"""Rows whose weights are summed at once."""


class RowBatch(NamedTuple):
    """Some rows of a table, by their numbers in it, and the keys of all its rows."""

    table: Table
    keys: np.ndarray
    rows: np.ndarray


class Traversal(ABC):
    """Rows one after another, each once."""

    @abstractmethod
    def between(self, start: int, stop: int) -> RowBatch:
        """Those from one place of the pass to another."""

    @abstractmethod
    def loss_weights(self, output: int) -> Iterator[np.ndarray]:
        """Each row's weight in the loss of the output, piece by piece."""


class Rows(ABC):
    """Training or validation rows of a rank, sorted by a hash of their content: Spark's shuffle gives no order, but the
    same rows must give the same weights. Rows of equal content are alike, so their order does not matter."""

    outputs: int
    """Of the network."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def sums(self) -> list[float]:
        """For each output the sum of all rows' weights in its loss."""

    @abstractmethod
    def in_order(self) -> Traversal: ...

    @abstractmethod
    def shuffled(self, key: np.uint64) -> Traversal:
        """In a random order, the same for the same key."""


class InMemoryDataset(Rows):
    """Rows that lie in memory as they came: ``order`` has the numbers of those that are meant, in canonical order."""

    def __init__(self, table: Table, keys: np.ndarray, order: np.ndarray) -> None:
        self.table, self.keys, self.order = table, keys, order
        self.outputs = len(table.targets)

    @staticmethod
    def all_of(table: Table) -> InMemoryDataset:
        """All rows of a table as it is."""
        return InMemoryDataset(table, table.keys(), np.arange(len(table), dtype=number_type(len(table))))

    def __len__(self) -> int:
        return len(self.order)

    @property
    def sums(self) -> list[float]:
        return [float(weights[self.order].sum(dtype=np.float64)) for weights in self.table.loss_weights]

    def in_order(self) -> InMemoryTraversal:
        return InMemoryTraversal(self, self.order)

    def shuffled(self, key: np.uint64) -> InMemoryTraversal:
        """Every order is as likely as any other."""
        return InMemoryTraversal(self, shuffled(key, self.order))


class InMemoryTraversal(Traversal):
    """By row numbers."""

    def __init__(self, rows: InMemoryDataset, order: np.ndarray) -> None:
        self.rows, self.order = rows, order

    def between(self, start: int, stop: int) -> RowBatch:
        return RowBatch(self.rows.table, self.rows.keys, self.order[start:stop].astype(np.int64))

    def loss_weights(self, output: int) -> Iterator[np.ndarray]:
        weights = self.rows.table.loss_weights[output]
        for start in range(0, len(self.order), CHUNK_ROWS):
            yield weights[self.order[start : start + CHUNK_ROWS]]


def number_type(n: int) -> type[np.integer]:
    """Of the numbers of n rows: half the bytes where that is possible."""
    return np.uint32 if n < 1 << 32 else np.int64


def canonical(keys: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the training rows and of the validation rows, each by key."""
    order = np.argsort(keys, kind="stable").astype(number_type(len(keys)))
    if not validation.any():
        return order, order[:0]
    chosen = validation[order]
    return order[~chosen], order[chosen]


def sums_between(loss_weights: Iterable[np.ndarray], ends: np.ndarray) -> np.ndarray:
    """The sum of the numbers between each two ends, in float64."""
    found, start, total = np.zeros(len(ends)), 0, 0.0
    for piece in loss_weights:
        running = np.cumsum(np.concatenate(([total], piece)), dtype=np.float64)
        here = (ends >= start) & (ends <= start + len(piece))
        found[here] = running[ends[here] - start]
        start, total = start + len(piece), running[-1]
    return np.diff(found)
