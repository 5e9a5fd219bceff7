"""Measures a few real steps of a network on this machine over random rows: their time and what they send."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from spark_deepnet.data.dummy import dummy_table
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import Columns
from spark_deepnet.data.table import Dense, Sparse, Table
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.forecast.cost import Compute, Costs, Link
from spark_deepnet.forecast.traffic import BlockTraffic
from spark_deepnet.kernels.threads import threads
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.averaging import Averaging
from spark_deepnet.train.block import Block
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper

MAX_ROWS = 1024
"""Rows of the largest timed step: beyond, the time of a step is proportional to its rows."""
ROWS_FACTOR = 4  # ratio of the rows of successive timed steps
MIN_STEPS, MIN_SECONDS = 3, 0.1  # minimum steps, and seconds in them, for a median
MAX_SECONDS = 5.0  # total seconds after which no larger step is timed
MEASURE_BYTES = 5 * 8
"""Bytes of the measures that replicas exchange beside their weights."""


@dataclass(frozen=True)
class Probe:
    """The measured seconds, and the bytes of each vector summed over the replicas: in a synchronous step, and when
    replicas are averaged after local steps; and the exchange between blocks."""

    compute: Compute
    synchronous: tuple[int, ...]
    local: tuple[int, ...]
    block_traffic: BlockTraffic
    core_share: float
    """The part of a core that the timed steps had: less than 1 where other processes ran meanwhile."""

    def costs(self, batch: int, link: Link, rows: float = math.inf) -> Costs:
        return Costs(batch, self.compute, link, self.synchronous, self.local, self.block_traffic, rows)


def probe(plan: TrainPlan) -> Probe:
    """Time steps of 1, 4, 16, ... rows up to the batch's, on one rank, as warm as in training. Rows are the longest
    sequences. For a network in blocks these are the first block's steps; the other blocks answer at once."""
    with threadpool_limits(1), threads(plan.threads):
        return _Probing(plan).run()


class _Probing:
    def __init__(self, plan: TrainPlan) -> None:
        recipe = plan.recipe
        self.rows, self.one_thread = min(recipe.batch_size, MAX_ROWS), plan.threads == 1
        self.table = drawn(plan.columns, self.rows, recipe.seed)
        self.keys = self.table.keys()
        self.sent: list[int] = []
        block = Block.of(recipe, NullChannel(0, plan.blocks))
        self.block_traffic = BlockTraffic.of(recipe, block.net, plan.blocks)
        state = State.initial(block.net.layout, recipe.optimizer, recipe.seed, False)
        single_rank = memory_channels(1, 1.0)[0]
        self.stepper = Stepper(recipe, state, self.rows, self._send, self._send, Meter(), block, single_rank)
        self.averaging = Averaging(recipe, state, self._send, block.net.layout.varying)
        self.clocks = np.zeros(2)
        """Seconds in timed steps: those that passed, and those of a core that this thread had."""

    def _send(self, vector: np.ndarray) -> None:
        """Stands for the sum over ranks."""
        self.sent.append(vector.nbytes)

    def run(self) -> Probe:
        self._step(np.zeros(1, np.int64))
        synchronous = (*self._taken(), *self._rows_bytes())
        self.averaging.note(1.0, 1.0)
        self.averaging(True)
        local = (MEASURE_BYTES, *self._taken())
        compute = self._timed()
        passed, had = self.clocks.tolist()
        return Probe(compute, synchronous, local, self.block_traffic, min(1.0, had / passed))

    def _rows_bytes(self) -> Iterator[int]:
        """Bytes for the rows of weights that a batch uses, if each row of it uses as many as the last step did;
        estimated as if they were summed like the rest."""
        for seen in self.stepper.rows.seen:
            if seen.apart:
                width, d = seen.rows.shape
                yield 4 * min(width * d, len(seen.index) * self.stepper.recipe.batch_size * (d + 1))

    def _taken(self) -> tuple[int, ...]:
        """The bytes sent since the last call."""
        sent = tuple(self.sent)
        self.sent.clear()
        return sent

    def _timed(self) -> Compute:
        rows, seconds, started_at = [1], [self._seconds(1)], time.perf_counter()
        while rows[-1] < self.rows:
            ahead = time.perf_counter() - started_at + (MIN_STEPS + 1) * ROWS_FACTOR * seconds[-1]
            if len(rows) > 1 and ahead > MAX_SECONDS:
                break
            rows.append(min(ROWS_FACTOR * rows[-1], self.rows))
            seconds.append(self._seconds(rows[-1]))
        return Compute(tuple(rows), tuple(seconds))

    def _seconds(self, rows: int) -> float:
        """The median seconds of a step of ``rows`` rows; the first step is not counted. On one thread those of a core, so
        that what else runs on this machine counts little; several threads also wait for each other."""
        index = np.random.default_rng(rows).permutation(self.rows)[:rows]
        self._step(index)
        clocks: list[np.ndarray] = []
        while len(clocks) < MIN_STEPS or sum(passed for passed, _ in clocks) < MIN_SECONDS:
            start = np.array([time.perf_counter(), time.thread_time()])
            self._step(index)
            clocks.append(np.array([time.perf_counter(), time.thread_time()]) - start)
        self.clocks += np.sum(clocks, axis=0)
        passed, had = np.median(clocks, axis=0).tolist()
        return had if self.one_thread else passed

    def _step(self, index: np.ndarray) -> None:
        """Make a step at a learning rate of 0: weights stay unchanged."""
        self.stepper.step(self.table, self.keys, index, np.full(len(self.stepper.heads), 1 / len(index)), 0.0, False)


def drawn(columns: Columns, n: int, seed: int) -> Table:
    """n random rows in the form of the columns: numbers from 0 to 1, bytes, tokens, classes."""
    table, chance = dummy_table(columns, n, longest=True), np.random.default_rng(seed)
    for source in columns.sources:
        features = table.features[source.input]
        values = features.matrix if isinstance(features, Dense) else features.values
        if isinstance(features, Sparse):
            _fill(features.columns, features.width, chance)
        _fill(values, source.tokens or (256 if values.dtype == np.uint8 else 0), chance)
    for target, wanted in zip(columns.targets, table.targets, strict=True):
        _fill(wanted.values if isinstance(wanted, Ragged) else wanted, target.classes, chance)
    return table


def _fill(values: np.ndarray, numbers: int, chance: np.random.Generator) -> None:
    """Random whole numbers below ``numbers``, or any numbers from 0 to 1 if it is 0."""
    values[...] = chance.integers(0, numbers, values.shape) if numbers else chance.random(values.shape, np.float32)
