"""All-reduce of a matrix of which every rank has few rows, the others being 0 (Renggli et al., SparCML, SC 2019).

Chosen for gradients of weights that meet sparse rows, where it costs less than the sum of all rows."""

from __future__ import annotations

import numpy as np

from spark_deepnet.exchange import all_reduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import STEP_BYTES, Cost, duration
from spark_deepnet.exchange.gather import all_gather
from spark_deepnet.exchange.sub_channel import grouped_by_host, ranks_per_host
from spark_deepnet.kernels.memory import Room
from spark_deepnet.kernels.sparse import add_rows, number


class RowSum:
    """2 (P - 1) steps, 4 k (d + 1) (P - 1) bytes a rank: the sum of matrices of which every rank has k rows of d.

    The ranks first exchange how many rows they have; then rows go around a ring and are added in the order of ranks, so
    all end with the same bits. ``width``: rows of the whole matrix. A single rank sends nothing."""

    def __init__(self, channel: Channel, width: int, d: int) -> None:
        self.channel, self.width, self.d = grouped_by_host(channel), width, d
        self.max_rows = max_rows(ranks_per_host(channel.hosts), width, d)
        """Rows of all ranks together above which the sum of the whole matrices costs less."""
        self._place = np.full(width, -1, np.int32)
        self._room = Room(d)

    def __call__(self, index: np.ndarray | None, values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """index: (k,) int32, each row once, or None: all; values: (k, d) float32. The same of the sum; None, on all
        ranks, where some rank has all rows or they are too many to send. Values stay until the next call."""
        if self.channel.size == 1:
            return None if index is None else (index, values)
        counts = self._counts(self.width + self.max_rows + 1 if index is None else len(index))
        if index is None or counts.sum() > self.max_rows:
            return None
        chunks = [np.empty(int(count) * (1 + self.d), np.int32) for count in counts]
        own = chunks[self.channel.rank]
        own[: len(index)] = index
        own[len(index) :].view(np.float32)[:] = values.reshape(-1)
        all_gather(self.channel, chunks)
        return self._added(chunks, counts)

    def _counts(self, own: int) -> np.ndarray:
        counts = np.zeros(self.channel.size, np.int64)
        counts[self.channel.rank] = own
        all_gather(self.channel, np.split(counts, len(counts)))
        return counts

    def _added(self, chunks: list[np.ndarray], counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = np.concatenate([chunk[:count] for chunk, count in zip(chunks, counts, strict=True)])
        index, places = np.empty_like(columns), np.empty_like(columns)
        index = index[: number(columns, self._place, index, places)]
        total, start = self._room.rows(len(index)), 0
        total[:] = 0
        for chunk, count in zip(chunks, counts, strict=True):
            values = chunk[count:].view(np.float32).reshape(count, self.d)
            add_rows(values, places[start : start + count], total)
            start += int(count)
        return index, total


def cost(size: int, rows: int, d: int) -> Cost:
    """Steps and bytes, as above, where each rank has ``rows`` rows."""
    return 2 * (size - 1), (8 + 4 * rows * (d + 1)) * (size - 1)


def max_rows(hosts: tuple[int, ...], width: int, d: int) -> int:
    """The rows of all ranks together above which the sum of the whole matrices costs less."""
    size = sum(hosts)
    steps, _ = cost(size, 0, d)
    left = duration(all_reduce.cost(hosts, 4 * width * d)) - steps * STEP_BYTES
    return max(0, int(left / (4 * (d + 1)) * size / max(1, size - 1)))
