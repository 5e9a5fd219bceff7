"""Ranks in processes of their own: the right sum, and an error that names a peer that was killed or stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.rendezvous import rendezvous
from tests.exchange.ranks import HERE, SECRET

pytestmark = pytest.mark.long
FLOATS = 1_000_000


def rank_of(rank: int, parent: Connection, end: int) -> None:
    """Two sums; then rank 1 sends itself the signal ``end`` and rank 0 tries a third."""

    def all_gather(text: str) -> list[str]:
        parent.send(text)
        return parent.recv()  # type: ignore[no-any-return]

    with rendezvous(rank, 2, HERE, all_gather, SECRET, "job", 4.0) as channel:
        all_reduce = AllReduce(channel)
        vector = np.full(FLOATS, rank + 1, np.float32)
        for _ in range(2):
            all_reduce(vector)
        parent.send((float(vector.min()), float(vector.max())))
        if rank == 1:
            os.kill(os.getpid(), end)
        try:
            all_reduce(vector)
        except ExchangeError as error:
            parent.send(str(error))


@pytest.mark.parametrize(
    ("end", "words"), [(signal.SIGKILL, "closed the connection"), (signal.SIGSTOP, "is it frozen or unreachable?")]
)
def test_two_processes(end: int, words: str) -> None:
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(2)]
    ranks = [context.Process(target=rank_of, args=(rank, pipes[rank][1], end), daemon=True) for rank in range(2)]
    try:
        for process in ranks:
            process.start()
        told = [here.recv() for here, _ in pipes]
        for here, _ in pipes:
            here.send(told)
        assert [here.recv() for here, _ in pipes] == [(6.0, 6.0)] * 2
        assert pipes[0][0].poll(60)
        error = pipes[0][0].recv()
        assert f"rank 1 at {told[1]}" in error
        assert words in error
    finally:
        for process in ranks:
            process.kill()
            process.join()
            process.close()
        for pair in pipes:
            for pipe in pair:
                pipe.close()
