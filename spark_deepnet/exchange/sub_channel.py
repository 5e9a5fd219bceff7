"""Some ranks of a channel, or all of them in another order, as a channel of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from spark_deepnet.exchange.channel import Channel


class SubChannel(Channel):
    """Rank i is rank ``ranks[i]`` of the channel beneath, whose own rank must be among them."""

    def __init__(self, channel: Channel, ranks: Sequence[int]) -> None:
        hosts = [channel.hosts[rank] for rank in ranks]
        super().__init__(ranks.index(channel.rank), len(ranks), channel.deadline, hosts)
        self._channel, self._ranks = channel, ranks

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        self._channel.carry(self._beneath(to), data, self._beneath(from_), out)

    def stream(
        self, to: int, vectors: Sequence[np.ndarray], from_: int, outs: Sequence[np.ndarray]
    ) -> Iterator[np.ndarray]:
        return self._channel.stream(self._ranks[to], vectors, self._ranks[from_], outs)

    def _beneath(self, rank: int | None) -> int | None:
        return None if rank is None else self._ranks[rank]

    def close(self) -> None:
        self._channel.close()


def ranks_by_host(hosts: Sequence[str]) -> list[list[int]]:
    """The ranks of each host, the hosts in the order of their first ranks."""
    ranks_of: dict[str, list[int]] = {}
    for rank, host in enumerate(hosts):
        ranks_of.setdefault(host, []).append(rank)
    return list(ranks_of.values())


def ranks_per_host(hosts: Sequence[str]) -> tuple[int, ...]:
    """The number of ranks of each host, in the same order."""
    return tuple(Counter(hosts).values())


def grouped_by_host(channel: Channel) -> Channel:
    """The channel with the ranks of each host as neighbours, so that a ring leaves each host once."""
    order = [rank for ranks in ranks_by_host(channel.hosts) for rank in ranks]
    return channel if order == list(range(channel.size)) else SubChannel(channel, order)
