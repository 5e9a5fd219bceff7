"""Ring all-reduce (Patarasuk and Yuan, JPDC 2009): the least bytes a rank can do with.

Chosen for long vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.gather import all_gather


def ring(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
    """2 (P - 1) steps, 2 (P - 1)/P N bytes a rank: vector becomes the sum of all ranks' vectors.

    Each chunk is summed on its way around, by one rank after the other, and then copied: all ranks end with the same
    bits. A long vector goes in segments whose chunks have the scratch's length, the same on all ranks: what is added,
    handed on and copied is still in the cache."""
    longest = -(-vector.size // channel.size)
    for segment in parts(vector, pieces(longest, scratch)):
        chunks = parts(segment, channel.size)
        reduce_scatter(channel, chunks, scratch)
        all_gather(channel, chunks)


def cost(hosts: tuple[int, ...], nbytes: int) -> tuple[float, float]:
    """Steps and bytes, as above; a ring of hosts' ranks side by side enters and leaves each host once."""
    size = sum(hosts)
    return 2 * (size - 1), 2 * (size - 1) / size * nbytes


def reduce_scatter(channel: Channel, chunks: Sequence[np.ndarray], scratch: np.ndarray) -> None:
    """P - 1 steps, (P - 1)/P N bytes a rank: rank r's chunk r becomes the sum, the others are partial sums.

    The scratch vector must be as long as the longest chunk."""
    rank, size = channel.rank, channel.size
    right, left = (rank + 1) % size, (rank - 1) % size
    for step in range(1, size):
        heard = chunks[(rank - step - 1) % size]
        more = scratch[: heard.size]
        channel.swap(right, chunks[(rank - step) % size], left, more)
        np.add(heard, more, out=heard)
