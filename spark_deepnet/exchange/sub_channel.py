"""Some ranks of a channel, or all in another order: algorithms run among them as among any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from spark_deepnet.exchange.channel import Channel


class SubChannel(Channel):
    """Seat i is taken by rank ranks[i] of the channel beneath, which must be among them."""

    def __init__(self, channel: Channel, ranks: Sequence[int]) -> None:
        hosts = [channel.hosts[rank] for rank in ranks]
        super().__init__(ranks.index(channel.rank), len(ranks), channel.deadline, hosts)
        self._channel, self._ranks = channel, ranks

    def _move(self, to: int | None, data: memoryview | None, from_: int | None, out: memoryview | None) -> None:
        self._channel.carry(self._rank_of(to), data, self._rank_of(from_), out)

    def _rank_of(self, context: int | None) -> int | None:
        return None if context is None else self._ranks[context]

    def close(self) -> None:
        self._channel.close()


def ranks_by_host(hosts: Sequence[str]) -> list[list[int]]:
    """The ranks of each host, the hosts in the order of their first ranks."""
    found: dict[str, list[int]] = {}
    for rank, host in enumerate(hosts):
        found.setdefault(host, []).append(rank)
    return list(found.values())


def counted(hosts: Sequence[str]) -> tuple[int, ...]:
    """How many ranks each host has, in the same order."""
    return tuple(Counter(hosts).values())


def side_by_side(channel: Channel) -> Channel:
    """The channel with the ranks of a host in neighbouring seats, so that a ring leaves each host once."""
    order = [rank for crew in ranks_by_host(channel.hosts) for rank in crew]
    return channel if order == list(range(channel.size)) else SubChannel(channel, order)
