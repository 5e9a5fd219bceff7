"""Assigns a rank's rows to the steps of an epoch: mini-batches."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.dataset import RowBatch, Rows, sums_between
from spark_deepnet.kernels.random import key_of


class Epoch:
    """One pass over a rank's rows, of ``total`` rows of all ranks, in steps of ``batch`` rows of all ranks together.

    Every rank makes the same number of steps and gives each its proportional share, so an epoch sees each row once and
    all ranks end together, however unevenly the rows are distributed. If a share is not a whole number, the ranks round
    up in different steps, so that evenly distributed rows make steps of at most ``batch`` rows. The order is random by
    seed, epoch and rank.
    """

    def __init__(self, rows: Rows, total: int, batch: int, seed: int, epoch: int, rank: int, size: int) -> None:
        self.steps, self.outputs = steps_of(total, batch), rows.outputs
        self.total, self.epoch = total, epoch
        self.ends = (np.arange(self.steps + 1) * len(rows) + rank * self.steps // size) // self.steps
        self._pass = rows.shuffled(key_of("order", seed, epoch, rank))

    def seen(self, step: int) -> int:
        """Rows that all ranks have seen before a step of the epoch."""
        return self.epoch * self.total + step * self.total // self.steps

    def rows(self, step: int) -> RowBatch:
        """The rank's rows of one step."""
        return self._pass.between(int(self.ends[step]), int(self.ends[step + 1]))

    def weight_sums(self) -> np.ndarray:
        """(outputs, steps) float64: the sum of this rank's row weights in each step."""
        return np.array([sums_between(self._pass.loss_weights(k), self.ends) for k in range(self.outputs)])


def steps_of(total: int, batch: int) -> int:
    """Steps per epoch: the smallest number with at most ``batch`` rows each."""
    return max(1, -(-total // batch))


def largest_share(n: int, total: int, batch: int) -> int:
    """The maximum of rows that a rank with n rows has in one step."""
    return -(-n // steps_of(total, batch))
