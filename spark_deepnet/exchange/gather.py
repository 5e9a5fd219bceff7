"""All-gather around a ring (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.1).

Chosen for the ring's second half, and for what ranks must know of each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel


def all_gather(channel: Channel, chunks: Sequence[np.ndarray]) -> None:
    """P - 1 steps, (P - 1)/P N bytes a rank: rank r's chunk r goes to all; the others are overwritten."""
    all_gather_each(channel, [chunks])


def all_gather_each(channel: Channel, vectors: Sequence[Sequence[np.ndarray]]) -> None:
    """That of several vectors, each in chunks: all make a step before any makes the next."""
    rank, size = channel.rank, channel.size
    right, left = (rank + 1) % size, (rank - 1) % size
    for step in range(size - 1):
        leaving = [chunks[(rank - step) % size] for chunks in vectors]
        deque(channel.stream(right, leaving, left, [chunks[(rank - step - 1) % size] for chunks in vectors]), maxlen=0)


def all_gather_bytes(channel: Channel, blob: bytes) -> list[bytes]:
    """2 (P - 1) steps: every rank's blob, of any length, in the order of ranks."""
    lengths = np.zeros(channel.size, np.int64)
    lengths[channel.rank] = len(blob)
    all_gather(channel, np.split(lengths, channel.size))
    blobs = [np.empty(length, np.uint8) for length in lengths]
    blobs[channel.rank][:] = np.frombuffer(blob, np.uint8)
    all_gather(channel, blobs)
    return [b.tobytes() for b in blobs]
