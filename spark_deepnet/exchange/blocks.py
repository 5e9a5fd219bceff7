"""The exchange between the blocks of one network within a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather


class ChannelBlocks:
    """Blocks as ranks of a channel: rank b is block b."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._sums: dict[np.dtype, AllReduce] = {}  # type: ignore[type-arg]

    def sum(self, vector: np.ndarray) -> None:
        if vector.dtype not in self._sums:
            self._sums[vector.dtype] = AllReduce(self.channel, vector.dtype)
        self._sums[vector.dtype](vector.reshape(-1))

    def gather(self, chunks: Sequence[np.ndarray]) -> None:
        all_gather(self.channel, chunks)
