"""Ring all-reduce (Patarasuk and Yuan, JPDC 2009): the fewest bytes that a rank can send.

Chosen for long vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.exchange.gather import all_gather_each
from spark_deepnet.exchange.scatter import reduce_scatter_each


@dataclass(frozen=True, repr=False)
class Ring(Algorithm, kind="ring"):
    """2 (P - 1) steps, 2 (P - 1)/P N bytes a rank: the vector becomes the sum of all ranks' vectors.

    Each chunk is summed on its way around, by one rank after the other, and then copied: all ranks end with the same
    bits. A long vector goes in segments whose chunks have the scratch's length, the same on all ranks: what is added,
    forwarded and copied is still in the cache. Between hosts all segments make a step together, which then takes the
    network's delay once, not once for each. A ring of ranks that are neighbours on their hosts enters and leaves each
    host once."""

    def cost(self, hosts: tuple[int, ...], nbytes: int) -> Cost:
        size = sum(hosts)
        return 2 * (size - 1), 2 * (size - 1) / size * nbytes

    def run(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        longest = -(-vector.size // channel.size)
        segments = [parts(segment, channel.size) for segment in parts(vector, pieces(longest, scratch))]
        for together in [segments] if channel.spans_hosts else [[chunks] for chunks in segments]:
            reduce_scatter_each(channel, together, scratch)
            all_gather_each(channel, together)
