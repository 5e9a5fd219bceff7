"""Reduce-scatter around a ring (Patarasuk and Yuan, JPDC 2009).

Chosen for the ring's first half, and between the blocks of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel


def reduce_scatter(channel: Channel, chunks: Sequence[np.ndarray], scratch: np.ndarray) -> None:
    """P - 1 steps, (P - 1)/P N bytes a rank: rank r's chunk r becomes the sum, the others are partial sums.

    The scratch vector must be as long as the longest chunk."""
    rank, size = channel.rank, channel.size
    right, left = (rank + 1) % size, (rank - 1) % size
    for step in range(1, size):
        received = chunks[(rank - step - 1) % size]
        addend = scratch[: received.size]
        channel.swap(right, chunks[(rank - step) % size], left, addend)
        np.add(received, addend, out=received)
