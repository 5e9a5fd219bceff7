"""A sum in two levels: within each host, then between hosts, whose ranks share a link to the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spark_deepnet.exchange import broadcast as tree_down
from spark_deepnet.exchange import reduce as tree_up
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import Cost, total
from spark_deepnet.exchange.sub_channel import SubChannel, ranks_by_host

Run = Callable[[Channel, np.ndarray, np.ndarray], None]
"""(channel, vector, scratch): the vector becomes the sum, or nearly."""


def sum_by_host(channel: Channel, vector: np.ndarray, scratch: np.ndarray, between: Run) -> None:
    """Sum the vectors of each host up to its first rank, the leaders' by ``between``, and send the sum down the hosts."""
    groups = ranks_by_host(channel.hosts)
    host = SubChannel(channel, next(ranks for ranks in groups if channel.rank in ranks))
    tree_up.reduce(host, vector, scratch)
    if host.rank == 0 and len(groups) > 1:
        between(SubChannel(channel, [ranks[0] for ranks in groups]), vector, scratch)
    tree_down.broadcast(host, 0, vector)


def cost_by_host(hosts: tuple[int, ...], nbytes: int, between: Cost) -> Cost:
    """The cost between leaders with that within the fullest host added."""
    return total(tree_up.cost(max(hosts), nbytes), tree_down.cost(max(hosts), nbytes), between)


def one_rank_each(count: int) -> tuple[int, ...]:
    """As many hosts, with one rank each."""
    return (1,) * count
