"""All-reduce without leaders: by doubling or around a ring, whichever is quicker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spark_deepnet.exchange import doubling, ring
from spark_deepnet.exchange.channel import Channel

Algorithm = Callable[[Channel, np.ndarray, np.ndarray], None]
"""(channel, vector, scratch): the vector becomes the sum."""
Cost = tuple[float, float]
"""Steps that wait for one another, and the bytes that pass one after the other through the busiest link."""

STEP = 1 << 15
"""Bytes that a link carries in the time of one step without any: 25 us at 1.3 GB/s. With it the ring overtakes doubling
where it does on the loopback, at about 256 KB between four processes and 300 KB between eight; Ethernet of 10 Gb/s takes
about as long."""


def seconds_in_bytes(cost: Cost) -> float:
    """How long it takes, in the time of a byte."""
    return cost[0] * STEP + cost[1]


def _both(hosts: tuple[int, ...], nbytes: int) -> dict[Algorithm, Cost]:
    return {doubling.doubling: doubling.cost(hosts, nbytes), ring.ring: ring.cost(hosts, nbytes)}


def quickest(hosts: tuple[int, ...], nbytes: int) -> Algorithm:
    """The one whose steps and bytes take the least time together; hosts: how many ranks each has, side by side."""
    costs = _both(hosts, nbytes)
    return min(costs, key=lambda algorithm: seconds_in_bytes(costs[algorithm]))


def cost(hosts: tuple[int, ...], nbytes: int) -> Cost:
    """Of the quickest."""
    return min(_both(hosts, nbytes).values(), key=seconds_in_bytes)
