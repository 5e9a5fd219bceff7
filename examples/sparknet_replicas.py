"""K replicas in one process, for studies: they make local steps one after another, and the package's own code averages
them, so that the weights are those of a fit with K workers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spark_deepnet.data.dataset import InMemoryDataset, RowBatch
from spark_deepnet.data.sampler import Epoch, steps_of
from spark_deepnet.data.table import Dense, Table
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.layers.layer import Call, rows_of
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.net import INPUT
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.averaging import Averaging
from spark_deepnet.train.loop import inverse
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.outer_step import OuterStep
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper

EVALUATED = 128  # rows at once
DEADLINE = 60.0  # seconds that a replica waits for another in averaging


def table_of(images: np.ndarray, labels: np.ndarray) -> Table:
    """(n, height, width[, channels]) uint8 and (n,) as a table."""
    pixels = np.ascontiguousarray(rows_of(images, images.shape[1:]))
    n = len(labels)
    return Table({INPUT: Dense(pixels)}, (labels.astype(np.int32),), np.ones(n, np.float32), np.zeros(n, bool))


def recipe_of(layers: Sequence[Any], shape: tuple[int, ...], optimizer: Any, rate: float, **more: Any) -> Recipe:
    """Softmax over classes, at a constant rate."""
    loss = Loss.of("softmax_cross_entropy").to_json()
    architecture = Architecture(tuple(layer.to_json() for layer in layers), (InputSpec(shape),), loss)
    return Recipe(architecture, optimizer, "constant", rate, **more)


class Replica:
    """One replica: its own weights and optimizer, and a channel to the others for the mean."""

    def __init__(self, recipe: Recipe, table: Table, channel: Channel) -> None:
        self.recipe, self.rows = recipe, InMemoryDataset.all_of(table)
        layout = recipe.scores_net().layout
        self.state = State.initial(layout, recipe.optimizer, recipe.seed, False, recipe.outer_steps)
        capacity = max(EVALUATED, recipe.batch_size)
        self.stepper = Stepper(recipe, self.state, capacity, AllReduce(channel, np.float32), Call.total, Meter())
        outer = OuterStep.of(recipe, self.state, layout.moving)
        self.averaging = Averaging(recipe, self.state, self.stepper.all_reduce, layout.varying, outer)

    def step(self, picked: RowBatch, of_all: int) -> None:
        """One local step over these rows, while all replicas together step over the given total of rows."""
        count = len(picked.rows)
        self.averaging.begin()
        self.stepper.local_step(*picked, inverse(np.array([count])), self.recipe.learning_rate)
        self.averaging.note(count, of_all)


class Replicas:
    """All replicas; each trains on its own table."""

    def __init__(self, recipe: Recipe, tables: Sequence[Table]) -> None:
        channels = memory_channels(len(tables), DEADLINE)
        self.replicas = [Replica(recipe, *each) for each in zip(tables, channels, strict=True)]
        self.recipe, self.size = recipe, len(tables)
        self.rows = sum(map(len, tables))
        self.batch = recipe.batch_size * self.size
        self.iterations = 0
        """Number of steps of each replica."""
        self._pool = ThreadPoolExecutor(self.size)  # in averaging, each waits for the others
        self._epoch: tuple[int, list[Epoch]] = (-1, [])

    def round(self, tau: int) -> None:
        """tau local steps of every replica, and their mean; a single replica has no more than an outer step."""
        with threadpool_limits(1):
            for iteration in range(self.iterations, self.iterations + tau):
                dealt = self._dealt(iteration)
                for replica, own in zip(self.replicas, dealt, strict=True):
                    replica.step(own, sum(len(picked.rows) for picked in dealt))
            self.iterations += tau
            if self.size > 1 or self.recipe.outer_steps:
                list(self._pool.map(lambda replica: replica.averaging(True), self.replicas))

    def _dealt(self, iteration: int) -> list[RowBatch]:
        """The rows of every replica's next step."""
        number, step = divmod(iteration, steps_of(self.rows, self.batch))
        if self._epoch[0] != number:
            epochs = [
                Epoch(replica.rows, self.rows, self.batch, self.recipe.seed, number, rank, self.size)
                for rank, replica in enumerate(self.replicas)
            ]
            self._epoch = number, epochs
        return [epoch.rows(step) for epoch in self._epoch[1]]

    @property
    def weights(self) -> np.ndarray:
        """The mean, after a round."""
        return self.replicas[0].state.weights

    def evaluate(self, table: Table) -> tuple[float, float]:
        """Mean loss and accuracy of the mean weights over a table's rows."""
        with threadpool_limits(1):
            ((loss, hits),) = self.replicas[0].stepper.evaluate(InMemoryDataset.all_of(table)).tolist()
        return loss / len(table), hits / len(table)

    def close(self) -> None:
        self._pool.shutdown()
