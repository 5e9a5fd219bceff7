"""The exchange between the blocks of one network within a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather
from spark_deepnet.exchange.scatter import reduce_scatter
from spark_deepnet.kernels.memory import aligned


class ChannelBlocks:
    """Blocks as ranks of a channel: rank b is block b."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._sums: dict[np.dtype, AllReduce] = {}  # type: ignore[type-arg]
        self._scratch = aligned(0)

    def sum(self, vector: np.ndarray) -> None:
        if vector.dtype not in self._sums:
            self._sums[vector.dtype] = AllReduce(self.channel, vector.dtype)
        self._sums[vector.dtype](vector.reshape(-1))

    def gather(self, chunks: Sequence[np.ndarray]) -> None:
        all_gather(self.channel, chunks)

    def scatter(self, chunks: Sequence[np.ndarray]) -> None:
        largest = max(chunk.size for chunk in chunks)
        if self._scratch.size < largest or self._scratch.dtype != chunks[0].dtype:
            self._scratch = aligned(largest, chunks[0].dtype)
        reduce_scatter(self.channel, [chunk.reshape(-1) for chunk in chunks], self._scratch)
