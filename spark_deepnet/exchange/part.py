"""Some of a channel's ranks as a channel of their own."""

from __future__ import annotations

from collections.abc import Sequence

from spark_deepnet.exchange.channel import Channel


class PartChannel(Channel):
    """The given ranks, in their order, over the connections of the channel that all share: its deadline holds, what is
    sent and waited counts there, and closing is left to it."""

    def __init__(self, channel: Channel, ranks: Sequence[int]) -> None:
        self._channel, self._ranks = channel, list(ranks)
        super().__init__(self._ranks.index(channel.rank), len(self._ranks), channel.deadline)

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        sends = None if to is None else self._ranks[to]
        hears = None if from_ is None else self._ranks[from_]
        self._channel._move(sends, data, hears, out)

    def place(self, peer: int) -> str:
        return self._channel.place(self._ranks[peer])

    def close(self) -> None:
        pass

    @property
    def bytes_sent(self) -> int:  # type: ignore[override]
        return self._channel.bytes_sent

    @bytes_sent.setter
    def bytes_sent(self, value: int) -> None:
        if value:  # a new part does not set the whole's back
            self._channel.bytes_sent = value

    @property
    def seconds_waiting(self) -> float:  # type: ignore[override]
        return self._channel.seconds_waiting

    @seconds_waiting.setter
    def seconds_waiting(self, value: float) -> None:
        if value:
            self._channel.seconds_waiting = value

    @property
    def deadline(self) -> float:  # type: ignore[override]
        return self._channel.deadline

    @deadline.setter
    def deadline(self, value: float) -> None:
        self._channel.deadline = value
