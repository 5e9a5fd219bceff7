"""Assigns rows to steps in the order of a column, counted round and round the data, so that every batch is full."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.dataset import RowBatch, Rows
from spark_deepnet.data.table import Table
from spark_deepnet.errors import DataError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather


def places_of(rows: Rows, channel: Channel, column: str) -> np.ndarray:
    """(n,) int64: the place of each of the rank's rows among those of all ranks, ascending. DataError, the same on every
    rank, if rows have the same number."""
    own = rows.sorted_keys()
    counts = np.zeros(channel.size, np.int64)
    counts[channel.rank] = len(own)
    all_gather(channel, np.split(counts, channel.size))
    keys = np.empty(int(counts.sum()), np.uint64)
    chunks = np.split(keys, np.cumsum(counts)[:-1])
    chunks[channel.rank][:] = own
    all_gather(channel, chunks)
    keys.sort()
    again = int((keys[1:] == keys[:-1]).sum())
    if again:
        raise DataError(
            f"orderCol: column {column!r} does not say in which order rows come: {again:,} have the number of another row; "
            f"give each row a number of its own"
        )
    return np.searchsorted(keys, own)


class OrderedEpoch:
    """Step s takes the rows s B .. s B + B - 1 of all ranks, counted round and round. An epoch has the steps that begin in
    one lap over the rows; where a batch is more than a lap, one step."""

    def __init__(self, rows: Rows, places: np.ndarray, total: int, batch: int, epoch: int) -> None:
        self._rows, self._places, self.total, self.batch = rows, places, total, batch
        lap = max(total, batch)
        self.first = -(-epoch * lap // batch)
        """The number of its first step."""
        self.steps = -(-(epoch + 1) * lap // batch) - self.first
        self._pass = rows.in_order()

    def seen(self, step: int) -> int:
        """Rows that were counted before a step of the epoch."""
        return (self.first + step) * self.batch

    def rows(self, step: int) -> RowBatch:
        """The rank's rows of one step."""
        parts = [self._pass.between(start, stop) for start, stop in self._stretches(self.seen(step))]
        if len(parts) == 1:
            return parts[0]
        table = Table.joined([part.table.picked(part.rows) for part in parts])
        return RowBatch(table, np.concatenate([part.keys[part.rows] for part in parts]), np.arange(len(table)))

    def _stretches(self, start: int) -> list[tuple[int, int]]:
        """The rank's rows of a step, as stretches of its own order; at least one, which may be empty."""
        stretches, stop = [], start + self.batch
        while start < stop:
            lap = start // self.total * self.total
            end = min(stop, lap + self.total)
            first, last = np.searchsorted(self._places, (start - lap, end - lap))
            stretches.append((int(first), int(last)))
            start = end
        return [stretch for stretch in stretches if stretch[0] < stretch[1]] or stretches[:1]

    def weight_sums(self) -> np.ndarray:
        """(outputs, steps) float64: the sum of this rank's row weights in each step."""
        ends = (self.first + np.arange(self.steps + 1)) * self.batch
        laps, within = ends // self.total, np.searchsorted(self._places, ends % self.total)
        sums = []
        for k in range(self._rows.outputs):
            weights = np.concatenate([np.zeros(1), *self._rows.in_order().loss_weights(k)])
            running = np.cumsum(weights, dtype=np.float64)
            sums.append(np.diff(laps) * running[-1] + np.diff(running[within]))
        return np.array(sums)


def largest_ordered_share(places: np.ndarray, total: int, batch: int) -> int:
    """A bound of the rows that a rank with these places has in one step."""
    if len(places) == 0:
        return 0
    twice = np.concatenate([places, places + total])
    ends = np.searchsorted(twice, places + batch % total)
    return int((ends - np.arange(len(places))).max()) + batch // total * len(places)
