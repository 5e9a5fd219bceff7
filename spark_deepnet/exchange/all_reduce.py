"""The sum over all ranks, by whichever algorithm is the quickest for the size of the vector and the ranks' hosts."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.by_host import Run
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.choice import quickest
from spark_deepnet.exchange.compressed import Compressed
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.exchange.link import CHUNK_BYTES
from spark_deepnet.exchange.sub_channel import grouped_by_host, ranks_per_host
from spark_deepnet.kernels.memory import aligned

SCRATCH_BYTES = CHUNK_BYTES
"""Bytes of the scratch vector: one system call takes a message of it. The quickest of 64 to 4096 KiB for vectors of 4 and
40 MB between four processes on two cores (128 KiB: 1.3 times as long, 512 KiB: 1.6 times), and as quick as any between
two. Recursive halving and doubling, with the ring's bytes in fewer steps, took 1.3 to 1.6 times as long as the ring."""


class AllReduce:
    """``all_reduce(vector)``: vector becomes the sum of all ranks' vectors, in place and bit for bit the same on each.
    Keeps one scratch vector, so that a call allocates nothing large. With a compression, what goes between hosts is
    compressed where that costs less; within a host, sums are exact. ``residual``: a vector of zeros, as long as those that
    are summed, for a compression that keeps one."""

    def __init__(
        self,
        channel: Channel,
        dtype: Any = np.float32,
        compression: Compression | None = None,
        residual: np.ndarray | None = None,
    ) -> None:
        self.channel = grouped_by_host(channel)
        self.dtype = np.dtype(dtype)
        self._compressed = None if compression is None else Compressed(compression, residual)
        self._hosts = ranks_per_host(channel.hosts)
        self._scratch = aligned(SCRATCH_BYTES // self.dtype.itemsize, self.dtype)
        self._chosen: dict[int, Run] = {}

    def __call__(self, vector: np.ndarray) -> None:
        if vector.dtype != self.dtype or not vector.flags.c_contiguous:
            raise ExchangeError(
                f"this all-reduce adds C-contiguous {self.dtype} vectors, "
                f"found {vector.dtype} with strides {vector.strides}"
            )
        if vector.nbytes not in self._chosen:
            self._chosen[vector.nbytes] = self._choose(vector.nbytes).run
        self._chosen[vector.nbytes](self.channel, vector.reshape(-1), self._scratch)

    def _choose(self, nbytes: int) -> Any:
        if self._compressed is None or not self._compressed.takes(nbytes):
            return quickest(self._hosts, nbytes)
        return quickest(self._hosts, nbytes, self._compressed)


def cost(hosts: tuple[int, ...], nbytes: int) -> Cost:
    """The steps and bytes of the quickest algorithm without compression."""
    return quickest(hosts, nbytes).cost(hosts, nbytes)
