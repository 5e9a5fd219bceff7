"""Ranks as threads of this process, over memory or over sockets of the loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.meet import meet
from spark_deepnet.exchange.memory import memory_channels

WORLDS = ("memory", "sockets")
SECRET = b"a secret of this fit"
HERE = "127.0.0.1"


class Meeting:
    """An all-gather of texts between threads, as Spark's barrier has one between tasks."""

    def __init__(self, size: int) -> None:
        self._told = [""] * size
        self._barrier = threading.Barrier(size, timeout=5)

    def all_gather(self, rank: int) -> Callable[[str], list[str]]:
        def tell(text: str) -> list[str]:
            self._told[rank] = text
            self._barrier.wait()
            return list(self._told)

        return tell


def channel_of(rank: int, size: int, meeting: Meeting, deadline: float, secret: bytes = SECRET) -> Channel:
    return meet(rank, size, HERE, meeting.all_gather(rank), secret, "job 0", deadline)


def together(world: str, size: int, job: Callable[[Channel], Any], deadline: float = 5.0) -> list[Any]:
    """What job(channel) returns on every rank, or the exception that it raised there."""
    meeting, memory = Meeting(size), memory_channels(size, deadline)
    found: list[Any] = [None] * size

    def run(rank: int) -> None:
        try:
            with memory[rank] if world == "memory" else channel_of(rank, size, meeting, deadline) as channel:
                found[rank] = job(channel)
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def results(world: str, size: int, job: Callable[[Channel], Any], deadline: float = 5.0) -> list[Any]:
    """The same where no rank may fail."""
    found = together(world, size, job, deadline)
    for value in found:
        if isinstance(value, Exception):
            raise value
    return found
