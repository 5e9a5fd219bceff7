"""All-reduce in two floors: within each host, then between hosts, whose ranks share a link to the others.

Chosen for vectors of middling length where several hosts have several ranks each."""

from __future__ import annotations

import numpy as np

from spark_deepnet.exchange import broadcast as down
from spark_deepnet.exchange import flat, reduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.flat import Algorithm
from spark_deepnet.exchange.sub_channel import SubChannel, ranks_by_host


def hierarchical(channel: Channel, vector: np.ndarray, scratch: np.ndarray, between: Algorithm | None = None) -> None:
    """2 log2 K + log2 H steps, N (2 log2 K + log2 H) bytes a rank (or a ring's between hosts): vector becomes the sum.

    K: ranks of the fullest host, H: hosts. A host's first rank is its leader: the host's vectors are added up to it,
    the leaders add theirs up by doubling or around a ring (or ``between``), and each hands the sum down its host. All
    ranks end with their leader's bits, and all leaders with the same."""
    groups = ranks_by_host(channel.hosts)
    own = next(ranks for ranks in groups if channel.rank in ranks)
    host = SubChannel(channel, own)
    reduce.reduce(host, vector, scratch)
    if host.rank == 0 and len(groups) > 1:
        leaders = SubChannel(channel, [ranks[0] for ranks in groups])
        (between or flat.quickest(alone(len(groups)), vector.nbytes))(leaders, vector, scratch)
    down.broadcast(host, 0, vector)


def cost(hosts: tuple[int, ...], nbytes: int) -> tuple[float, float]:
    """Steps and bytes; hosts: how many ranks each has."""
    return around(hosts, nbytes, flat.cost(alone(len(hosts)), nbytes))


def around(hosts: tuple[int, ...], nbytes: int, between: tuple[float, float]) -> tuple[float, float]:
    """The cost between leaders with that within the hosts added."""
    within = (reduce.cost(max(hosts), nbytes), down.cost(max(hosts), nbytes), between)
    return sum(steps for steps, _ in within), sum(moved for _, moved in within)


def alone(count: int) -> tuple[int, ...]:
    """So many hosts of one rank each."""
    return (1,) * count
