"""Recursive doubling all-reduce (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.5): the fewest steps."""

from __future__ import annotations

import numpy as np

from spark_deepnet.exchange.channel import Channel, parts, pieces


def doubling(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
    """log2 P steps, N log2 P bytes a rank (2 steps and 2 N more where P is no power of 2): vector becomes the sum.

    Partners add the same two numbers, and a + b = b + a to the last bit: all ranks end with the same bits. Ranks beyond
    the largest power of 2 fold their vectors into a lower rank's first and are told the sum at the end. The vector goes
    in pieces of the scratch's length, which must be the same on all ranks."""
    rank, size = channel.rank, channel.size
    half = 1 << (size.bit_length() - 1)
    segments = parts(vector, pieces(vector.size, scratch))
    if rank >= half:
        for segment in segments:
            channel.send(rank - half, segment)
        channel.receive(rank - half, vector)
        return
    if rank + half < size:
        _add_from(channel, rank + half, segments, scratch)
    _double(channel, half, segments, scratch)
    if rank + half < size:
        channel.send(rank + half, vector)


def cost(size: int, nbytes: int) -> tuple[float, float]:
    """Steps and bytes, as above."""
    half = 1 << (size.bit_length() - 1)
    steps = half.bit_length() - 1 + (2 if half < size else 0)
    return steps, steps * nbytes


def _double(channel: Channel, size: int, segments: list[np.ndarray], scratch: np.ndarray) -> None:
    distance = 1
    while distance < size:
        partner = channel.rank ^ distance
        for segment in segments:
            more = scratch[: segment.size]
            channel.swap(partner, segment, partner, more)
            np.add(segment, more, out=segment)
        distance *= 2


def _add_from(channel: Channel, peer: int, segments: list[np.ndarray], scratch: np.ndarray) -> None:
    for segment in segments:
        more = scratch[: segment.size]
        channel.receive(peer, more)
        np.add(segment, more, out=segment)
