"""All-reduce between two processes over encrypted connections (ours) and plain ones (peer), in turn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.certificate import made_identity
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rendezvous import rendezvous
from tests.benchmarks.harness import Row, in_turns, paired_row
from tests.benchmarks.processes import LOOPBACK, SECRET, AllGather, together

SIZES = {"4 KB": (1_000, 500), "4 MB": (1_000_000, 100), "40 MB": (10_000_000, 20)}
"""Floats, and how often each takes its turn."""
NAMES = [f"exchange all-reduce {size}, encrypted" for size in SIZES]


def rows() -> Iterator[Row]:
    for name, (ours, peer) in zip(NAMES, together(2, measured), strict=True):
        yield paired_row(name, "us", ours, peer, "unencrypted", scale=1e6)


def measured(plain: Channel, all_gather: AllGather) -> list[list[list[float]]]:
    """The seconds of each call, encrypted and plain, for every size."""
    rank = plain.rank
    identity = all_gather(made_identity().decode() if rank == 0 else "")[0].encode()
    with rendezvous(rank, 2, LOOPBACK, all_gather, SECRET, "encrypted", 60.0, identity=identity) as channel:
        return [_both(AllReduce(channel), AllReduce(plain), *size) for size in SIZES.values()]


def _both(encrypted: AllReduce, plain: AllReduce, count: int, repeats: int) -> list[list[float]]:
    vector = np.zeros(count, np.float32)
    return in_turns((lambda: encrypted(vector), lambda: plain(vector)), repeats)
