"""All-reduce between processes, ours and torch.distributed's gloo in turn in the same processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from statistics import median

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from tests.benchmarks.harness import Row, paired_row, row, seconds
from tests.benchmarks.processes import LOOPBACK, AllGather, together

SIZES = {
    "64 B": 16,
    "4 KB": 1_000,
    "40 KB": 10_000,
    "400 KB": 100_000,
    "4 MB": 1_000_000,
    "40 MB": 10_000_000,
}  # floats
RANKS = (2, 4)
TARGET = 0.8
NAMES = [f"exchange all-reduce {size}, {ranks} processes" for ranks in RANKS for size in SIZES]
ROUNDS = 12
"""How often the two take turns."""
Measured = list[list[list[float]]]


def rows() -> Iterator[Row]:
    """One row a size and a number of processes, in microseconds."""
    found = [times for ranks in RANKS for times in together(ranks, measured)]
    for name, (ours, *peer) in zip(NAMES, found, strict=True):
        if peer:
            yield paired_row(name, "us", ours, peer[0], "torch gloo", TARGET, 1e6)
        else:
            yield row(name, "us", 1e6 * median(ours), None, "torch gloo (torch is not installed)", TARGET)


def measured(channel: Channel, all_gather: AllGather) -> Measured:
    """The seconds of a call in each turn, ours and gloo's, for every size."""
    gloo = _gloo(channel, all_gather)
    all_reduce = AllReduce(channel)
    found = [_both(count, all_reduce, gloo) for count in SIZES.values()]
    if gloo is not None:
        import torch.distributed as dist

        dist.destroy_process_group()
    return found


def _gloo(channel: Channel, all_gather: AllGather) -> Callable[[np.ndarray], None] | None:
    """torch's all_reduce on the memory of an array."""
    if find_spec("torch") is None:
        return None
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    rank, size = channel.rank, channel.size
    store = dist.TCPStore(LOOPBACK, 0, size, True, wait_for_workers=False) if rank == 0 else None
    port = int(all_gather(str(store.port if store else 0))[0])
    dist.init_process_group("gloo", store=store or dist.TCPStore(LOOPBACK, port, size), rank=rank, world_size=size)
    return lambda vector: dist.all_reduce(torch.from_numpy(vector))  # type: ignore[no-any-return]


def _both(
    count: int, ours: Callable[[np.ndarray], None], peer: Callable[[np.ndarray], None] | None
) -> list[list[float]]:
    """A turn is some calls, one after the other: a call of microseconds behind the other side's would mostly wait for
    threads that wake up."""
    vector = np.zeros(count, np.float32)
    calls = max(2, min(50, 2_000_000 // count))
    times: list[list[float]] = [[] for side in (ours, peer) if side is not None]
    for _ in range(ROUNDS):
        for side, taken in zip((ours, peer), times, strict=False):
            assert side is not None
            side(vector)  # not counted: brings all ranks in step
            taken.append(median(seconds(partial(side, vector)) for _ in range(calls)))
    return times
