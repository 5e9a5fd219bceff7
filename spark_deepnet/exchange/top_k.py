"""All-reduce of the largest values alone, with error feedback (Stich, Cordonnier and Jaggi, NeurIPS 2018).

Chosen between hosts where ``compression=TopK(...)`` allows it and it costs less."""

from __future__ import annotations

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.flat import Cost
from spark_deepnet.exchange.gather import all_gather
from spark_deepnet.kernels.memory import aligned


class TopK:
    """P - 1 steps, 8 k (P - 1) bytes a rank: the vector becomes the sum of every rank's k largest values.

    What a rank does not send it keeps, and adds to its next vector: ``residual`` is of one vector's length, and of one
    vector that comes again and again. The ranks' (index, value) pairs go around a ring and are added in the order of
    ranks, so all end with the same bits. NaN counts as the largest, so that it is seen."""

    def __init__(self, length: int, kept: int, residual: np.ndarray | None = None) -> None:
        if not 1 <= kept <= length:
            raise ExchangeError(f"top-k of a vector of {length:,} values: k must be 1 to {length:,}, found {kept:,}")
        self.residual = aligned(length) if residual is None else residual
        self.kept = kept

    def cost(self, size: int, nbytes: int) -> Cost:
        """Steps and bytes, as above, whatever the vector."""
        return size - 1, 8 * self.kept * (size - 1)

    def __call__(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        if vector.size != self.residual.size:
            raise ExchangeError(
                f"this top-k keeps a residual of {self.residual.size:,} values, found a vector of {vector.size:,}"
            )
        pairs = np.empty((channel.size, 2, self.kept), np.int32)  # index, the bits of the value
        self._take(vector, *pairs[channel.rank])
        all_gather(channel, list(pairs))
        vector[:] = 0
        for index, bits in pairs:
            vector[index] += bits.view(np.float32)

    def _take(self, vector: np.ndarray, index: np.ndarray, bits: np.ndarray) -> None:
        """Add the vector to the residual and take the largest out of it."""
        self.residual += vector
        size = self.residual.size
        index[:] = np.argpartition(np.abs(self.residual), size - self.kept)[size - self.kept :]
        bits.view(np.float32)[:] = self.residual[index]
        self.residual[index] = 0
