"""All-reduce in two levels: within each host, then between hosts, whose ranks share a link to the others.

Chosen for vectors of middling length where several hosts have several ranks each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.by_host import cost_by_host, one_rank_each, sum_by_host
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.choice import quickest
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.exchange.sub_channel import ranks_by_host


@dataclass(frozen=True, repr=False)
class Hierarchical(Algorithm, kind="hierarchical"):
    """2 log2 K + log2 H steps, N (2 log2 K + log2 H) bytes a rank (or a ring's between hosts): the vector becomes the sum.

    K: ranks of the fullest host, H: hosts. A host's first rank is its leader: the host's vectors are added up to it,
    the leaders sum theirs by doubling or around a ring, and each broadcasts the sum to its host. All ranks end with their
    leader's bits, and all leaders with the same."""

    def applies(self, hosts: tuple[int, ...]) -> bool:
        return max(hosts) > 1

    def cost(self, hosts: tuple[int, ...], nbytes: int) -> Cost:
        leaders = one_rank_each(len(hosts))
        return cost_by_host(hosts, nbytes, quickest(leaders, nbytes).cost(leaders, nbytes))

    def run(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        leaders = one_rank_each(len(ranks_by_host(channel.hosts)))
        sum_by_host(channel, vector, scratch, quickest(leaders, vector.nbytes).run)
