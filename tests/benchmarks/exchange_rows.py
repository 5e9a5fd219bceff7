"""All-reduce between two processes, ours and torch.distributed's gloo in turn in the same two processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.meet import meet

SIZES = {"64 B": 16, "4 KB": 1_000, "400 KB": 100_000, "4 MB": 1_000_000, "40 MB": 10_000_000}  # floats
NAMES = [f"{group} all-reduce {size}" for size in SIZES for group in ("exchange", "main")]
SECRET = b"two ranks of a benchmark"
ROUNDS = 8
"""How often the two take turns."""
LOOPBACK = "127.0.0.1"


def rows() -> Iterator[dict[str, Any]]:
    """One row a size: microseconds, medians over all calls."""
    for size, (ours, peer) in zip(SIZES, measured(), strict=True):
        for name in (f"exchange all-reduce {size}", f"main all-reduce {size}"):
            yield {
                "name": name,
                "unit": "us",
                "ours": ours,
                "peer": peer,
                "peer_name": "torch gloo" if peer else "torch gloo (torch is not installed)",
                "ratio": ours / peer if peer else None,
                "target": 1.0,
            }


def measured() -> list[tuple[float, float | None]]:
    """(ours, gloo's) for every size, in microseconds."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(2)]
    ranks = [context.Process(target=_rank, args=(rank, pipes[rank][1]), daemon=True) for rank in range(2)]
    for process, (_, there) in zip(ranks, pipes, strict=True):
        process.start()
        there.close()  # so that a rank that dies is an EOFError here
    ends = [here for here, _ in pipes]
    for _ in range(2):  # the ranks' places, then a port for gloo
        told = [end.recv() for end in ends]
        for end in ends:
            end.send(told)
    found: list[tuple[float, float | None]] = ends[0].recv()
    for process in ranks:
        process.join()
    return found


def _rank(rank: int, parent: Connection) -> None:
    def all_gather(text: str) -> list[str]:
        parent.send(text)
        return parent.recv()  # type: ignore[no-any-return]

    with meet(rank, 2, LOOPBACK, all_gather, SECRET, "benchmark", 60.0) as channel:
        gloo = _gloo(rank, all_gather)
        all_reduce = AllReduce(channel)
        found = [_both(count, all_reduce, gloo) for count in SIZES.values()]
    if gloo is not None:
        import torch.distributed as dist

        dist.destroy_process_group()
    if rank == 0:
        parent.send(found)


def _gloo(rank: int, all_gather: Callable[[str], list[str]]) -> Callable[[np.ndarray], None] | None:
    """torch's all_reduce on the memory of an array."""
    if find_spec("torch") is None:
        all_gather("")
        return None
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    store = dist.TCPStore(LOOPBACK, 0, 2, True, wait_for_workers=False) if rank == 0 else None
    port = int(all_gather(str(store.port if store else 0))[0])
    dist.init_process_group("gloo", store=store or dist.TCPStore(LOOPBACK, port, 2, False), rank=rank, world_size=2)
    return lambda vector: dist.all_reduce(torch.from_numpy(vector))  # type: ignore[no-any-return]


def _both(
    count: int, ours: Callable[[np.ndarray], None], peer: Callable[[np.ndarray], None] | None
) -> tuple[float, float | None]:
    vector = np.zeros(count, np.float32)
    calls = max(2, min(50, 2_000_000 // count))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for all_reduce, found in zip((ours, peer), times, strict=True):
            if all_reduce is not None:
                all_reduce(vector)  # not counted: brings both ranks in step
                found.extend(_timed(all_reduce, vector) for _ in range(calls))
    return median(times[0]), median(times[1]) if peer else None


def _timed(all_reduce: Callable[[np.ndarray], None], vector: np.ndarray) -> float:
    start = perf_counter()
    all_reduce(vector)
    return 1e6 * (perf_counter() - start)


if __name__ == "__main__":
    for row in rows():
        print(row)
