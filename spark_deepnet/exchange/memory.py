"""Channels between threads of one process, for tests and for the lonely rank."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel

Mailboxes = dict[tuple[int, int], "SimpleQueue[bytes | None]"]


class MemoryChannel(Channel):
    """A rank whose messages are copies in queues; None says that the sender has closed."""

    def __init__(self, rank: int, size: int, deadline: float, hosts: Sequence[str], mail: Mailboxes) -> None:
        super().__init__(rank, size, deadline, hosts)
        self._mail = mail

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        if to is not None and data is not None:
            self._box(self.rank, to).put(bytes(data))
        if from_ is not None and out is not None:
            self._take(from_, out)

    def _take(self, peer: int, out: memoryview) -> None:
        try:
            found = self._box(peer, self.rank).get(timeout=max(self.deadline, self.patience))
        except Empty:
            raise self.late(peer, self.deadline) from None
        if found is None:
            raise self.closed(peer)
        if len(found) != len(out):
            raise self.unexpected(peer, len(found), len(out))
        out[:] = found

    def _box(self, from_: int, to: int) -> SimpleQueue[bytes | None]:
        if (from_, to) not in self._mail:
            raise ExchangeError(f"rank {self.rank} of {self.size}: no message can go from rank {from_} to rank {to}")
        return self._mail[from_, to]

    def close(self) -> None:
        for (from_, _), box in self._mail.items():
            if from_ == self.rank:
                box.put(None)


def memory_channels(size: int, deadline: float, hosts: Sequence[str] = ()) -> list[Channel]:
    """One channel a rank, for as many threads; hosts: of each rank, to try what would happen on several."""
    mail: Mailboxes = {(a, b): SimpleQueue() for a in range(size) for b in range(size) if a != b}
    return [MemoryChannel(rank, size, deadline, hosts, mail) for rank in range(size)]
