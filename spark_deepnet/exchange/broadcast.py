"""Broadcast down a binomial tree (Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.2).

Chosen by ``hierarchical`` within a host."""

from __future__ import annotations

from math import ceil, log2

import numpy as np

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import Cost


def broadcast(channel: Channel, root: int, vector: np.ndarray) -> None:
    """log2 P steps, N log2 P bytes at the root: the root's vector overwrites all the others'."""
    size = channel.size
    place = (channel.rank - root) % size  # the root is 0; place p receives from p without its highest bit
    reach = 1 << place.bit_length()
    if place > 0:
        channel.receive((channel.rank - reach // 2) % size, vector)
    while place + reach < size:
        channel.send((channel.rank + reach) % size, vector)
        reach *= 2


def cost(size: int, nbytes: int) -> Cost:
    """Steps, rounded down, and bytes, rounded up."""
    return int(log2(size)), ceil(log2(size)) * nbytes
