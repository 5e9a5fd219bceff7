"""An all-reduce that is exact within each host and compressed between hosts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.by_host import cost_by_host, sum_by_host
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.cost import Cost


@dataclass(frozen=True, eq=False)
class Compressed(Algorithm):
    """A compression as a candidate beside the exact algorithms. It is no member of their family: it has a residual."""

    compression: Compression
    residual: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.compression.keeps_residual and self.residual is None:
            raise ExchangeError(f"{self.compression!r} keeps a residual: pass a vector of zeros for it")

    def cost(self, hosts: tuple[int, ...], nbytes: int) -> Cost:
        return cost_by_host(hosts, nbytes, self.compression.cost(len(hosts), nbytes))

    def takes(self, nbytes: int) -> bool:
        """Whether a vector of this length can be compressed: a residual belongs to vectors of its own length."""
        return self.residual is None or self.residual.nbytes == nbytes

    def run(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        sum_by_host(channel, vector, scratch, self._between)

    def _between(self, leaders: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        self.compression.run(leaders, vector, scratch, self.residual)
