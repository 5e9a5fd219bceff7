"""A rank whose peers never answer, to try out what would be exchanged."""

from __future__ import annotations

from spark_deepnet.exchange.channel import Channel


class NullChannel(Channel):
    """Discards what is sent and leaves what should be received as it is."""

    def __init__(self, rank: int, size: int) -> None:
        super().__init__(rank, size, 0.0)

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        pass

    def close(self) -> None:
        pass
