"""All-reduce of the largest values alone, with error feedback (Stich, Cordonnier and Jaggi, NeurIPS 2018).

Chosen between hosts where ``compression="topk"`` allows it and it costs less."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ExchangeError, check_numbers
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.exchange.gather import all_gather


@dataclass(frozen=True, repr=False)
class TopK(Compression, kind="topk"):
    """P - 1 steps, 8 k (P - 1) bytes a rank: the vector becomes the sum of every rank's k largest values.

    The residual holds what a rank has not sent. The ranks' (index, value) pairs go around a ring and are added in the
    order of ranks, so all end with the same bits. NaN counts as the largest, so that it is seen."""

    ratio: float = 0.01
    """k as a part of the vector's values, rounded up."""

    keeps_residual: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "above 0 and at most 1", "ratio")

    def kept(self, length: int) -> int:
        """The number k of values that a rank sends of a vector."""
        return ceil(self.ratio * length)

    def cost(self, size: int, nbytes: int) -> Cost:
        return size - 1, 8 * self.kept(nbytes // 4) * (size - 1)

    def run(
        self, channel: Channel, vector: np.ndarray, scratch: np.ndarray, residual: np.ndarray | None = None
    ) -> None:
        if residual is None or residual.size != vector.size:
            size = 0 if residual is None else residual.size
            raise ExchangeError(f"top-k has a residual of {size:,} values, found a vector of {vector.size:,}")
        pairs = np.empty((channel.size, 2, self.kept(vector.size)), np.int32)  # index, the bits of the value
        index, bits = pairs[channel.rank]
        residual += vector
        index[:] = _largest(residual, len(index))
        bits.view(np.float32)[:] = residual[index]
        residual[index] = 0
        all_gather(channel, list(pairs))
        vector[:] = 0
        for index, bits in pairs:
            vector[index] += bits.view(np.float32)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The indices of the values that are largest in magnitude."""
    start = values.size - count
    return np.argpartition(np.abs(values), start)[start:]
