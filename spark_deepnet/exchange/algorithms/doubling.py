"""Recursive doubling all-reduce (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.5): the fewest steps.

Chosen for short vectors, and between two ranks for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.exchange.reduce import add_from


@dataclass(frozen=True, repr=False)
class Doubling(Algorithm, kind="doubling"):
    """log2 P steps, N log2 P bytes a rank (2 steps and 2 N more where P is no power of 2): the vector becomes the sum.

    Partners add the same two numbers, and a + b = b + a to the last bit: all ranks end with the same bits. Ranks beyond
    the largest power of 2 first fold their vectors into a lower rank's and receive the sum at the end. The vector goes in
    pieces of the scratch's length, which must be the same on all ranks. Partners of a host on others share its link, so
    the bytes of such a step are multiplied by their number."""

    def cost(self, hosts: tuple[int, ...], nbytes: int) -> Cost:
        home = np.repeat(np.arange(len(hosts)), hosts)
        half = 1 << (home.size.bit_length() - 1)
        ranks = np.arange(half)
        steps = [_sharers(home[:half], home[ranks ^ (1 << k)]) for k in range(half.bit_length() - 1)]
        if half < home.size:
            steps += 2 * [_sharers(home[half:], home[: home.size - half])]
        return len(steps), sum(steps) * nbytes

    def run(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        rank, size = channel.rank, channel.size
        half = 1 << (size.bit_length() - 1)
        segments = parts(vector, pieces(vector.size, scratch))
        if rank >= half:
            for segment in segments:
                channel.send(rank - half, segment)
            channel.receive(rank - half, vector)
            return
        if rank + half < size:
            add_from(channel, rank + half, segments, scratch)
        _double(channel, half, segments, scratch)
        if rank + half < size:
            channel.send(rank + half, vector)


def _sharers(home: np.ndarray, partner: np.ndarray) -> int:
    """How many messages pass the busiest link when each of these talks with its partner."""
    far = home != partner
    return max(1, *(int(np.bincount(ends[far]).max(initial=0)) for ends in (home, partner)))


def _double(channel: Channel, size: int, segments: list[np.ndarray], scratch: np.ndarray) -> None:
    distance = 1
    while distance < size:
        partner = channel.rank ^ distance
        addends = [scratch[: segment.size] for segment in segments]
        for number, addend in enumerate(channel.stream(partner, segments, partner, addends)):
            np.add(segments[number], addend, out=segments[number])
        distance *= 2
