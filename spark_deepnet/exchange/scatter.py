"""Reduce-scatter around a ring (Patarasuk and Yuan, JPDC 2009).

Chosen for the ring's first half, and between the blocks of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel


def reduce_scatter(channel: Channel, chunks: Sequence[np.ndarray], scratch: np.ndarray) -> None:
    """P - 1 steps, (P - 1)/P N bytes a rank: rank r's chunk r becomes the sum, the others are partial sums.

    The scratch vector must be as long as the longest chunk."""
    reduce_scatter_each(channel, [chunks], scratch)


def reduce_scatter_each(channel: Channel, vectors: Sequence[Sequence[np.ndarray]], scratch: np.ndarray) -> None:
    """That of several vectors, each in chunks: all make a step before any makes the next."""
    rank, size = channel.rank, channel.size
    right, left = (rank + 1) % size, (rank - 1) % size
    for step in range(1, size):
        leaving = [chunks[(rank - step) % size] for chunks in vectors]
        received = [chunks[(rank - step - 1) % size] for chunks in vectors]
        addends = [scratch[: chunk.size] for chunk in received]
        for number, addend in enumerate(channel.stream(right, leaving, left, addends)):
            np.add(received[number], addend, out=received[number])
