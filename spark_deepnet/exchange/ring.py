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
    bits. The scratch vector must be of one length on all ranks."""
    chunks = parts(vector, channel.size)
    reduce_scatter(channel, chunks, scratch)
    all_gather(channel, chunks)


def cost(hosts: tuple[int, ...], nbytes: int) -> tuple[float, float]:
    """Steps and bytes, as above; a ring of hosts' ranks side by side enters and leaves each host once."""
    size = sum(hosts)
    return 2 * (size - 1), 2 * (size - 1) / size * nbytes


def reduce_scatter(channel: Channel, chunks: Sequence[np.ndarray], scratch: np.ndarray) -> None:
    """P - 1 steps, (P - 1)/P N bytes a rank: rank r's chunk r becomes the sum, the others are partial sums.

    Chunks go in pieces of the scratch's length: what is added is still in the cache, and the sockets' buffers keep the
    network busy meanwhile."""
    rank, size = channel.rank, channel.size
    right, left = (rank + 1) % size, (rank - 1) % size
    count = pieces(max(chunk.size for chunk in chunks), scratch)
    for step in range(1, size):
        passed, heard = chunks[(rank - step) % size], chunks[(rank - step - 1) % size]
        for piece, total in zip(parts(passed, count), parts(heard, count), strict=True):
            more = scratch[: total.size]
            channel.swap(right, piece, left, more)
            np.add(total, more, out=total)
