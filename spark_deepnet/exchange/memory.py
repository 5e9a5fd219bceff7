"""Channels between threads of one process, for tests and for a single rank."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from time import perf_counter

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.waits import NOBODY, Wait
from spark_deepnet.exchange.watchdog import Watchdog

Mailboxes = dict[tuple[int, int], "SimpleQueue[bytes | None]"]


class MemoryChannel(Channel):
    """A rank whose messages are copies in queues; None says that the sender has closed."""

    def __init__(
        self, rank: int, size: int, deadline: float, hosts: Sequence[str], mail: Mailboxes, ranks: list[Channel]
    ) -> None:
        super().__init__(rank, size, deadline, hosts)
        self._mail, self._ranks = mail, ranks

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        if to is not None and data is not None:
            self._box(self.rank, to).put(bytes(data))
        if from_ is not None and out is not None:
            self._take(from_, out)

    def _take(self, peer: int, out: memoryview) -> None:
        self._waiting = (NOBODY, peer, perf_counter())
        message = self._next(peer)
        if message is None:
            raise self.closed_error(peer)
        if len(message) != len(out):
            raise self.length_error(peer, len(message), len(out))
        out[:] = message

    def _next(self, peer: int) -> bytes | None:
        box, watchdog = self._box(peer, self.rank), Watchdog(self, peer)
        while True:
            try:
                return box.get(timeout=watchdog.seconds)
            except Empty:
                watchdog.check()

    def wait_of(self, rank: int) -> Wait | None:
        return self._ranks[rank].wait()

    def _box(self, from_: int, to: int) -> SimpleQueue[bytes | None]:
        if (from_, to) not in self._mail:
            raise ExchangeError(f"rank {self.rank} of {self.size}: no message can go from rank {from_} to rank {to}")
        return self._mail[from_, to]

    def close(self) -> None:
        for (from_, _), box in self._mail.items():
            if from_ == self.rank:
                box.put(None)


def memory_channels(size: int, deadline: float, hosts: Sequence[str] = ()) -> list[Channel]:
    """A channel for each of ``size`` threads; ``hosts``: the host of each rank, to imitate several."""
    mail: Mailboxes = {(a, b): SimpleQueue() for a in range(size) for b in range(size) if a != b}
    channels: list[Channel] = []
    channels += [MemoryChannel(rank, size, deadline, hosts, mail, channels) for rank in range(size)]
    return channels
