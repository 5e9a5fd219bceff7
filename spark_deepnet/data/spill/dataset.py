"""Rows in a file; one window of them is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spark_deepnet.data.dataset import RowBatch, Rows, Traversal
from spark_deepnet.data.growable import GrowingTable
from spark_deepnet.data.spill.sorted_run import SortedRun
from spark_deepnet.data.table import Table
from spark_deepnet.kernels.random import key_of, permutation

WINDOW_BLOCKS = 16
"""Blocks per window."""


class Spilled(Rows):
    """Row i of n, in canonical order, belongs to block floor(i / b). Each run stores its rows of a block contiguously,
    so that a block takes one read per run and array.

    A traversal in random order shuffles the B = ceil(n / b) blocks, takes w = WINDOW_BLOCKS of them at a time as a
    window, and shuffles the rows of each window. So each row comes at each place of the traversal equally often, and
    two rows of different blocks are in one window with probability (w - 1) / (B - 1), as under a uniform shuffle; only
    the n b / 2 pairs of one block, a share of about 1 / B, always are. Blocks are cut by the hash of the content, so
    each is a random sample of the rows.
    """

    def __init__(self, runs: Sequence[SortedRun], training: bool, block: int) -> None:
        self.runs, self.block = runs, block
        self.like = Table.joined([run.like for run in runs])
        """A table without rows, with sparse features if any run has them."""
        self.outputs = len(self.like.targets)
        places = [run.place(training) for run in runs]
        keys = np.concatenate([run.keys[place] for run, place in zip(runs, places, strict=True)])
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order] if any(run.ordered for run in runs) else keys[:0].copy()
        self._loss_weights = [
            np.concatenate([run.loss_weights[k][place] for run, place in zip(runs, places, strict=True)])[order]
            for k in range(self.outputs)
        ]
        owners = np.searchsorted(np.cumsum([place.stop - place.start for place in places]), order, side="right")
        self.blocks = -(-len(order) // block)
        cuts = [np.bincount(owners[i * block : (i + 1) * block], minlength=len(runs)) for i in range(self.blocks)]
        self.places = np.cumsum([[place.start for place in places], *cuts], axis=0)
        """(blocks + 1, runs): the bounds of each block's rows in each run."""

    def __len__(self) -> int:
        return len(self._loss_weights[0])

    def size(self, block: int) -> int:
        """Number of rows of a block; only the last block may have fewer."""
        return min(self.block, len(self) - block * self.block)

    @property
    def sums(self) -> list[float]:
        return [float(weights.sum(dtype=np.float64)) for weights in self._loss_weights]

    def sorted_keys(self) -> np.ndarray:
        return self._keys

    def in_order(self) -> Windows:
        return Windows(self, np.arange(self.blocks), None)

    def shuffled(self, key: np.uint64) -> Windows:
        return Windows(self, permutation(key, self.blocks), key)

    def loss_weights_of(self, output: int, blocks: np.ndarray) -> np.ndarray:
        """The weights of the rows of these blocks, in canonical order."""
        return np.concatenate([self._loss_weights[output][b * self.block : (b + 1) * self.block] for b in blocks])

    def read(self, blocks: np.ndarray) -> RowBatch:
        """The rows of these blocks, in canonical order."""
        rows = GrowingTable(self.like)
        for run, start, stop in self.pieces(blocks):
            rows.append(*run.read(start, stop))
        keys = rows.keys.array
        return RowBatch(rows.table(), keys, np.argsort(keys, kind="stable"))

    def expect(self, blocks: np.ndarray) -> None:
        """Let the system read these blocks ahead."""
        for run, start, stop in self.pieces(blocks):
            run.expect(start, stop)

    def pieces(self, blocks: np.ndarray) -> Iterator[tuple[SortedRun, int, int]]:
        """The runs and row ranges of these blocks."""
        for block in blocks:
            for run, start, stop in zip(self.runs, self.places[block], self.places[block + 1], strict=True):
                if stop > start:
                    yield run, int(start), int(stop)


class Windows(Traversal):
    """A traversal window by window: one window is freed before the next is read."""

    def __init__(self, rows: Spilled, blocks: np.ndarray, key: np.uint64 | None) -> None:
        self.rows, self.key = rows, key
        self.windows = [np.sort(blocks[i : i + WINDOW_BLOCKS]) for i in range(0, len(blocks), WINDOW_BLOCKS)]
        sizes = [sum(rows.size(block) for block in window) for window in self.windows]
        self.ends = np.cumsum([0, *sizes])
        self._number = -1
        self._window: RowBatch | None = None

    def between(self, start: int, stop: int) -> RowBatch:
        if start >= stop:
            return RowBatch(self.rows.like, np.zeros(0, np.uint64), np.zeros(0, np.int64))
        first = int(np.searchsorted(self.ends, start, side="right")) - 1
        last = int(np.searchsorted(self.ends, stop, side="left")) - 1
        if first == last:
            return self._part(first, start, stop)
        rows = GrowingTable(self.rows.like)
        for k in range(first, last + 1):
            rows.append(*_alone(self._part(k, start, stop)))
        return RowBatch(rows.table(), rows.keys.array, np.arange(stop - start))

    def loss_weights(self, output: int) -> Iterator[np.ndarray]:
        for k, window in enumerate(self.windows):
            yield self.rows.loss_weights_of(output, window)[self._order(k)]

    def _part(self, k: int, start: int, stop: int) -> RowBatch:
        """The rows from start to stop that are in the k-th window."""
        if self._window is None or self._number != k:
            self._window = None
            table, keys, order = self.rows.read(self.windows[k])
            self._number, self._window = k, RowBatch(table, keys, order[self._order(k)])
            if k + 1 < len(self.windows):
                self.rows.expect(self.windows[k + 1])
        table, keys, order = self._window
        return RowBatch(table, keys, order[max(0, start - self.ends[k]) : stop - self.ends[k]])

    def _order(self, k: int) -> np.ndarray:
        """The order of the k-th window's rows, relative to their canonical order."""
        n = int(self.ends[k + 1] - self.ends[k])
        return np.arange(n) if self.key is None else permutation(key_of("window", self.key, k), n)


def _alone(picked: RowBatch) -> tuple[Table, np.ndarray]:
    """The batch's rows and keys, without the other rows of the table."""
    table, keys, rows = picked
    return table.picked(rows), keys[rows]
