"""Ranks as processes of this machine, for rows about several of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rendezvous import rendezvous

LOOPBACK = "127.0.0.1"
SECRET = b"ranks of a benchmark"
AllGather = Callable[[str], list[str]]
Job = Callable[[Channel, AllGather], Any]
Apart = Callable[[int, AllGather], Any]


def together(size: int, job: Job) -> Any:
    """What job(channel, all_gather of texts), a function of a module, returns on rank 0 of so many processes."""
    return apart(size, partial(_met, size, job))


def _met(size: int, job: Job, rank: int, all_gather: AllGather) -> Any:
    with rendezvous(rank, size, LOOPBACK, all_gather, SECRET, "benchmark", 60.0) as channel:
        return job(channel, all_gather)


def apart(size: int, job: Apart) -> Any:
    """What job(rank, all_gather of texts) returns on rank 0 of so many processes, which have nothing else in common."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(size)]
    ranks = [context.Process(target=_rank, args=(r, pipes[r][1], job), daemon=True) for r in range(size)]
    for process, (_, there) in zip(ranks, pipes, strict=True):
        process.start()
        there.close()  # so that a rank that dies is an EOFError here
    ends = [here for here, _ in pipes]
    told = [end.recv() for end in ends]
    while isinstance(told[0], str):
        for end in ends:
            end.send(told)
        told = [end.recv() for end in ends]
    for process in ranks:
        process.join()
    return told[0][0]


def _rank(rank: int, parent: Connection, job: Apart) -> None:
    def all_gather(text: str) -> list[str]:
        parent.send(text)
        return parent.recv()  # type: ignore[no-any-return]

    parent.send((job(rank, all_gather),))
