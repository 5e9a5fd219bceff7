"""Two ranks of a synchronous fit by one thread: each one's gradients in turn, their sum, and one update for both.

Two numbers have one sum, whichever comes first, so all that two ranks exchange is known without an exchange: the weights are
those of two ranks bit for bit, in two thirds of the time that two threads take for a small network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spark_deepnet.data.sampler import Epoch, largest_share
from spark_deepnet.data.shard import Shard
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.layers.layer import Call
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.dataset_stats import DatasetStats, stays_sparse
from spark_deepnet.train.loop import Loop
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper

RANKS = 2


def can_imitate(recipe: Recipe, shards: Sequence[Shard]) -> bool:
    """Whether ranks exchange nothing but gradients and sums of weights: no statistics of layers, metrics, or rows apart."""
    if recipe.optimizer.full_batch:
        return False
    exchanged = recipe.sync_every != 1 or recipe.compression or recipe.overlap or recipe.validated or recipe.metrics
    layers = any(node.layer.needs_all_reduce for node in recipe.scores_net().nodes)
    return len(shards) == RANKS and not (exchanged or layers or any(stays_sparse(shard, recipe) for shard in shards))


class PairEpoch:
    """The epochs of both ranks: a step has a table, keys and row numbers of each."""

    def __init__(self, epochs: Sequence[Epoch]) -> None:
        self.epochs, self.steps, self.seen = epochs, epochs[0].steps, epochs[0].seen

    def rows(self, step: int) -> Any:
        """(tables, keys, row numbers), each of both ranks."""
        return tuple(zip(*(epoch.rows(step) for epoch in self.epochs), strict=True))

    def weight_sums(self) -> np.ndarray:
        """(outputs, steps): of both ranks together."""
        first, second = (epoch.weight_sums() for epoch in self.epochs)
        return np.asarray(first + second)


class PairStepper(Stepper):
    """The arrays of a step of two ranks, which share weights and the optimizer's vectors."""

    def __init__(self, recipe: Recipe, state: State, capacities: Sequence[int], meter: Meter) -> None:
        super().__init__(recipe, state, capacities[0], Call.total, Call.total, meter)
        self.other = Stepper(recipe, state, capacities[1], Call.total, Call.total, meter)

    def compute(self, tables: Any, keys: Any, rows: Any, scales: np.ndarray) -> None:
        """The gradients and measures of both ranks' rows together."""
        super().compute(tables[0], keys[0], rows[0], scales)
        self.other.compute(tables[1], keys[1], rows[1], scales)
        for seen in (*self.rows.seen, *self.other.rows.seen):  # as before a sum over ranks
            seen.spread()
            seen.whole()
        self.vector += self.other.vector


class PairLoop(Loop):
    """The loop of both ranks."""

    def __init__(
        self, recipe: Recipe, shards: Sequence[Shard], stats: DatasetStats, state: State, meter: Meter
    ) -> None:
        self.shards = shards
        super().__init__(recipe, shards[0], memory_channels(1, 1.0)[0], stats, state, meter)
        capacities = [largest_share(len(shard.train), stats.rows, recipe.batch_size) for shard in shards]
        self.stepper = PairStepper(recipe, state, capacities, meter)

    def _epoch_of(self, batch: int) -> Any:
        total, epoch, seed = self.stats.rows, self.clock.epoch, self.recipe.seed
        return PairEpoch([Epoch(s.train, total, batch, seed, epoch, k, RANKS) for k, s in enumerate(self.shards)])
