"""A rank among others who never answer: for trying what would be exchanged."""

from __future__ import annotations

from spark_deepnet.exchange.channel import Channel


class NullChannel(Channel):
    """Takes whatever is sent, and leaves as it is whatever should be received."""

    def __init__(self, rank: int, size: int) -> None:
        super().__init__(rank, size, 0.0)

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        pass

    def close(self) -> None:
        pass
