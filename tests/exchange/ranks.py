"""Ranks as threads of this process, over memory or over sockets of the loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from spark_deepnet.errors import LostPeerError
from spark_deepnet.exchange.certificate import made_identity
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.rendezvous import rendezvous

WORLDS = ("memory", "sockets")
WIRES = (*WORLDS, "tls")
SECRET = b"a secret of this fit"
HERE = "127.0.0.1"


def ports(count: int) -> range:
    """Below those that systems give to whoever dials, and not those of another process that tests; at most 20."""
    first = 20_000 + os.getpid() % 600 * 20
    return range(first, first + count)


class Meeting:
    """An all-gather of texts between threads, as Spark's barrier has one between tasks."""

    def __init__(self, size: int) -> None:
        self._told = [""] * size
        self._barrier = threading.Barrier(size, timeout=20)

    def all_gather(self, rank: int) -> Callable[[str], list[str]]:
        def tell(text: str) -> list[str]:
            self._told[rank] = text
            self._barrier.wait()
            return list(self._told)

        return tell


def channel_of(
    rank: int,
    size: int,
    meeting: Meeting,
    deadline: float,
    secret: bytes = SECRET,
    host: str = HERE,
    identity: bytes = b"",
) -> Channel:
    return rendezvous(rank, size, host, meeting.all_gather(rank), secret, "job 0", deadline, identity=identity)


@cache
def identity() -> bytes:
    """A key and certificate for all tests."""
    return made_identity()


def together(
    world: str, size: int, job: Callable[[Channel], Any], deadline: float = 20.0, hosts: Sequence[str] = ()
) -> list[Any]:
    """What job(channel) returns on every rank, or the exception that it raised there; hosts: each rank's address."""
    hosts = hosts or [HERE] * size
    shown = identity() if world == "tls" else b""
    meeting, memory = Meeting(size), memory_channels(size, deadline, hosts)
    found: list[Any] = [None] * size

    def met(rank: int) -> Channel:
        return channel_of(rank, size, meeting, deadline, host=hosts[rank], identity=shown)

    def run(rank: int) -> None:
        try:
            with memory[rank] if world == "memory" else met(rank) as channel:
                found[rank] = job(channel)
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def results(
    world: str, size: int, job: Callable[[Channel], Any], deadline: float = 20.0, hosts: Sequence[str] = ()
) -> list[Any]:
    """The same where no rank may fail."""
    found = together(world, size, job, deadline, hosts)
    errors = [value for value in found if isinstance(value, Exception)]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, LostPeerError))  # the lost peer's own error says why
    return found
