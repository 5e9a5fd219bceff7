"""The contract of an all-reduce algorithm: what it costs, where it applies, and how it runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Algorithm(Member, family="algorithms"):
    """The base of all-reduce algorithms: one file each, without fields that need a value.

    ``hosts`` is the number of ranks on each host, whose ranks are neighbours. The first line of a docstring is the cost in
    words, "S steps, B bytes a rank: what it does"; it becomes a row of docs/exchange.md."""

    def applies(self, hosts: tuple[int, ...]) -> bool:
        """Whether the algorithm is a candidate on these hosts."""
        return True

    def cost(self, hosts: tuple[int, ...], nbytes: int) -> Cost:
        """The steps and bytes of a sum of ``nbytes``; of the candidates the one that takes the least time is chosen."""
        raise NotImplementedError

    def run(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        """Replace the flat vector by the sum of all ranks' vectors, with the same bits on every rank and in every run.

        ``scratch`` is of the vector's dtype and of the same length on all ranks, which may be less than the vector's.
        Ranks send through ``channel`` alone."""
        raise NotImplementedError
