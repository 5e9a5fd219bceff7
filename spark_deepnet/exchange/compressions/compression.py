"""The contract of a compression: an all-reduce between hosts that sends less than the vectors and loses some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Compression(Member, family="compressions"):
    """The base of compressions: one file each, whose name is a value of the Param ``compression``.

    The first line of a docstring is the cost in words, "S steps, B bytes a rank: what it does"; it becomes a row of
    docs/exchange.md."""

    keeps_residual: ClassVar[bool] = False
    """Whether a rank keeps what it has not sent and adds it to its next vector."""

    def cost(self, size: int, nbytes: int) -> Cost:
        """The steps and bytes of a sum of ``nbytes`` over ``size`` ranks on hosts of their own."""
        raise NotImplementedError

    def run(
        self, channel: Channel, vector: np.ndarray, scratch: np.ndarray, residual: np.ndarray | None = None
    ) -> None:
        """Replace the flat float32 vector by the sum of all ranks' vectors, or nearly, with the same bits on every rank.

        ``scratch`` is of the same length on all ranks. ``residual``, of a compression that keeps one, is as long as the
        vector and carries over from call to call; the caller keeps it. NaN and infinities must come through, so that a
        training that diverges is noticed."""
        raise NotImplementedError
