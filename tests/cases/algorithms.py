"""The table of all-reduce algorithms. A new algorithm adds its row here."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.algorithms.doubling import Doubling
from spark_deepnet.exchange.algorithms.hierarchical import Hierarchical
from spark_deepnet.exchange.algorithms.ring import Ring


@dataclass(frozen=True)
class AlgorithmCase:
    algorithm: Algorithm
    chunks: bool = False
    """Whether ranks send chunks, of which the longest has one float more where the ranks do not divide the vector."""
    folds: bool = False
    """Whether ranks beyond a power of 2 fold their vectors into others', so that some need one step less."""


ALGORITHMS = [
    AlgorithmCase(Doubling(), folds=True),
    AlgorithmCase(Hierarchical()),
    AlgorithmCase(Ring(), chunks=True),
]
IDS = [case.algorithm.kind for case in ALGORITHMS]
