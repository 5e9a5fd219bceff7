"""The algorithm that takes the least time, of all in ``algorithms/``."""

from __future__ import annotations

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.cost import duration


def quickest(hosts: tuple[int, ...], nbytes: int, *others: Algorithm) -> Algorithm:
    """The algorithm whose steps and bytes take the least time together, for ``hosts`` with these numbers of ranks;
    ``others`` are candidates besides those of the family. Of equals the first by name is taken. All ranks must choose
    the same, so an algorithm that only some of their processes have imported is no candidate."""
    family = [Algorithm.named(kind)() for kind in Algorithm.installed()]
    candidates = [algorithm for algorithm in (*family, *others) if algorithm.applies(hosts)]
    return min(candidates, key=lambda algorithm: duration(algorithm.cost(hosts, nbytes)))
