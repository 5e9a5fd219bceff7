"""Reduce up a binomial tree (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.2, upside down).

Chosen by ``hierarchical`` within a host."""

from __future__ import annotations

from math import ceil, log2

import numpy as np

from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.cost import Cost


def reduce(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
    """log2 P steps, N log2 P bytes at the root: rank 0's vector becomes the sum; the others hold partial sums.

    Rank r adds the partial sums of r + 1, r + 2, r + 4, ..., while these are below P and r's own lowest bit, then
    sends it to r without that bit. The vector goes in pieces of the scratch's length, the same on all ranks."""
    rank, reach = channel.rank, 1
    segments = parts(vector, pieces(vector.size, scratch))
    while not rank & reach and rank + reach < channel.size:
        add_from(channel, rank + reach, segments, scratch)
        reach *= 2
    if rank:
        for segment in segments:
            channel.send(rank & (rank - 1), segment)


def add_from(channel: Channel, peer: int, segments: list[np.ndarray], scratch: np.ndarray) -> None:
    """Add a peer's vector, which arrives in the same segments."""
    for segment in segments:
        addend = scratch[: segment.size]
        channel.receive(peer, addend)
        np.add(segment, addend, out=segment)


def cost(size: int, nbytes: int) -> Cost:
    """Steps, rounded down, and bytes, rounded up."""
    return int(log2(size)), ceil(log2(size)) * nbytes
