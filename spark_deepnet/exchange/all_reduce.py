"""The sum over all ranks, by whichever algorithm is the quickest for the size of the vector and the ranks' hosts."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange import flat
from spark_deepnet.exchange import hierarchical as floors
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.flat import Algorithm, Cost, seconds_in_bytes
from spark_deepnet.exchange.link import CHUNK
from spark_deepnet.exchange.sub_channel import counted, side_by_side
from spark_deepnet.kernels.memory import aligned

SEGMENT = CHUNK
"""Bytes of the scratch vector: one system call takes a message of it. The quickest of 64 to 4096 KiB for vectors of 4 and
40 MB between four processes on two cores (128 KiB: 1.3 times as long, 512 KiB: 1.6 times), and as quick as any between
two. Recursive halving and doubling, with the ring's bytes in fewer steps, took 1.3 to 1.6 times as long as the ring."""


class Compression(Protocol):
    """An all-reduce that sends less than the vectors and loses some of them."""

    def cost(self, size: int, nbytes: int) -> Cost:
        """Between ranks that each have a host of their own."""

    def __call__(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        """The vector becomes the sum, or nearly, with the same bits on all ranks."""


class AllReduce:
    """``all_reduce(vector)``: vector becomes the sum of all ranks' vectors, in place and bit for bit the same on each.
    Keeps one scratch vector, so that a call allocates nothing large. With a compression, what goes between hosts is
    compressed where that costs less; within a host, sums are exact."""

    def __init__(self, channel: Channel, dtype: Any = np.float32, compression: Compression | None = None) -> None:
        self.channel = side_by_side(channel)
        self.dtype, self.compression = np.dtype(dtype), compression
        self._hosts = counted(channel.hosts)
        self._scratch = aligned(SEGMENT // self.dtype.itemsize, self.dtype)
        self._chosen: dict[int, Algorithm] = {}

    def __call__(self, vector: np.ndarray) -> None:
        if vector.dtype != self.dtype or not vector.flags.c_contiguous:
            raise ExchangeError(
                f"this all-reduce adds C-contiguous {self.dtype} vectors, "
                f"found {vector.dtype} with strides {vector.strides}"
            )
        if vector.nbytes not in self._chosen:
            self._chosen[vector.nbytes] = quickest(self._hosts, vector.nbytes, self.compression)
        self._chosen[vector.nbytes](self.channel, vector.reshape(-1), self._scratch)


def quickest(hosts: tuple[int, ...], nbytes: int, compression: Compression | None = None) -> Algorithm:
    """The algorithm whose steps and bytes take the least time together; hosts: how many ranks each has."""
    return _quickest(hosts, nbytes, compression)[0]


def cost(hosts: tuple[int, ...], nbytes: int, compression: Compression | None = None) -> Cost:
    """Its steps and bytes."""
    return _quickest(hosts, nbytes, compression)[1]


def _quickest(hosts: tuple[int, ...], nbytes: int, compression: Compression | None) -> tuple[Algorithm, Cost]:
    found: list[tuple[Algorithm, Cost]] = [
        (flat.quickest(hosts, nbytes), flat.cost(hosts, nbytes)),
        (floors.hierarchical, floors.cost(hosts, nbytes)),
    ]
    if compression is not None:
        between = floors.around(hosts, nbytes, compression.cost(len(hosts), nbytes))
        found.append((partial(floors.hierarchical, between=compression), between))
    return min(found, key=lambda choice: seconds_in_bytes(choice[1]))
