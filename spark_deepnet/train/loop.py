"""Epochs and steps of one rank, from the current state until the fit or the job ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spark_deepnet.data.dataset import RowBatch, Rows
from spark_deepnet.data.ordered import OrderedEpoch, largest_ordered_share, places_of
from spark_deepnet.data.sampler import Epoch, largest_share
from spark_deepnet.data.shard import Shard
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.kernels.gradients import all_finite
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train import auto_sync
from spark_deepnet.train.averaging import Averaging, averaged
from spark_deepnet.train.block import Block
from spark_deepnet.train.dataset_stats import DatasetStats, inverse
from spark_deepnet.train.fit_clock import FitClock
from spark_deepnet.train.full_batch import FullBatch
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.metric_parts import MetricParts, gathered, values
from spark_deepnet.train.outer_step import OuterStep
from spark_deepnet.train.state import State
from spark_deepnet.train.step import BROKEN, STOP, Stepper
from spark_deepnet.train.summing import summing

MIN_EVALUATION_ROWS = 128
"""Rows at once in validation, where a step has fewer."""
MAX_REFRESH_BATCHES = 200
"""Of training rows, from which running statistics are computed at the end."""
Report = Callable[[dict[str, Any]], None]
WantsEnd = Callable[[], bool]


class Loop:
    """Every rank runs the same loop and takes the same branches, because every decision is made from sums over the
    ranks. The channel joins the replicas: the ranks that hold the same weights."""

    def __init__(
        self,
        recipe: Recipe,
        shard: Shard,
        channel: Channel,
        stats: DatasetStats,
        state: State,
        meter: Meter,
        block: Block | None = None,
    ) -> None:
        self.recipe, self.shard, self.channel, self.stats = recipe, shard, channel, stats
        self.state, self.clock, self.meter = state, state.clock, meter
        self.course = FitClock(recipe, state, stats.rows, stats.validation_weights, stats.notes)
        self.exact = AllReduce(channel, np.float64)
        batch = recipe.batch_size * self._replicas(recipe.sync_every != 1)
        self.places = places_of(shard.train, channel, recipe.ordered) if recipe.ordered else None
        """Of this rank's rows among all, where they come in an order."""
        if self.places is None:
            self.share = largest_share(len(shard.train), stats.rows, batch)
        else:
            self.share = largest_ordered_share(self.places, stats.rows, batch)
        """The largest number of this rank's rows in a step."""
        capacity = max(self.share, min(rows_evaluated(recipe, shard), MIN_EVALUATION_ROWS))
        rows = channel if stats.sparse else None
        gradients = summing(recipe, channel, state)
        self.stepper = Stepper(recipe, state, capacity, gradients, self.exact, meter, block, rows)
        self.block = self.stepper.block
        layout = self.block.net.layout
        outer = OuterStep.of(recipe, state, layout.moving)
        self.averaging = Averaging(recipe, state, self.stepper.all_reduce, layout.varying, outer)
        full = recipe.optimizer.full_batch
        self.full_batch = FullBatch(recipe, self.stepper, shard.train, self.exact, channel.rank) if full else None
        self.pending = np.zeros((len(self.stepper.heads), 3))
        """This rank's own sums over rows of loss, metric and weight since the last exchange, for each output."""
        self.broken = 0.0
        self.has_tau = False

    def run(self, wants_end: WantsEnd, report: Report, until: float = float("inf")) -> None:
        """Train until the last epoch, early stopping, the first exchange after rank 0 wants the job to end, or the first
        at which this many epochs are done."""
        with np.errstate(over="ignore", invalid="ignore"):  # what leaves the finite numbers is counted
            self._epochs(wants_end, report, until)
            if self.clock.finished:
                self._refresh_statistics()

    def _epochs(self, wants_end: WantsEnd, report: Report, until: float) -> None:
        def ends() -> bool:
            return wants_end() or self.clock.epoch >= until

        while not self.clock.finished:
            over = self._iteration(ends, report) if self.full_batch else self._epoch(self._tau(), ends, report)
            if over:
                return
            if self.clock.epoch >= until and not self.averaging.steps:
                return

    def _refresh_statistics(self) -> None:
        """The running statistics of layers such as BatchNorm, for the weights that the fit has come to. With validation
        rows they stay as they were validated."""
        recipe = self.recipe
        if not self.stepper.runner.needs_all_reduce or recipe.validated:
            return
        batch = recipe.batch_size * self._replicas(recipe.sync_every != 1)
        epoch = self._epoch_of(batch)
        with self.meter.timed("computing"):
            for step in range(min(epoch.steps, MAX_REFRESH_BATCHES)):
                self.stepper.refresh(*epoch.rows(step), step)

    def _epoch_of(self, batch: int) -> Epoch | OrderedEpoch:
        """The rows of the clock's epoch, in steps of ``batch`` rows of all ranks."""
        rows, total, epoch, channel = self.shard.train, self.stats.rows, self.clock.epoch, self.channel
        if self.places is not None:
            return OrderedEpoch(rows, self.places, total, batch, epoch)
        return Epoch(rows, total, batch, self.recipe.seed, epoch, channel.rank, channel.size)

    def _replicas(self, local: bool) -> int:
        """The number of batches of batchSize rows in one step of all ranks: one each where steps are local."""
        return self.channel.size if local else 1

    def _tau(self) -> int:
        """Steps between exchanges in this epoch, or its rest; 1: synchronous steps, as a single rank makes, which has
        nothing to exchange, unless it makes outer steps after a number of steps that is set."""
        recipe, clock = self.recipe, self.clock
        serial = self.channel.size * self.block.channel.size == 1 and not (recipe.outer_steps and recipe.sync_every)
        if serial or clock.epoch < recipe.sync_epochs:
            return 1
        if recipe.sync_every == 0 and clock.step == 0 and not self.has_tau:
            self._find_tau()
        return recipe.sync_every or clock.tau

    def _find_tau(self) -> None:
        """Once a job. Replicas that have made local steps continue to: their optimizers' vectors may differ."""
        replicas = self.channel.size
        vectors = len(averaged(self.recipe, self.state))
        seconds = auto_sync.measured(self.stepper, self.shard.train, self.share, replicas, vectors, self.exact)
        steps = auto_sync.fit_steps(self.recipe, self.stats.rows, replicas, self.course.epochs)
        tau = auto_sync.steps_between(seconds, replicas, steps)
        self.clock.tau = max(tau, 2 if self.clock.tau > 1 else 1)
        self.has_tau = True

    def _epoch(self, tau: int, wants_end: WantsEnd, report: Report) -> bool:
        """The rest of an epoch; true where the job ends within it or with it."""
        clock, recipe = self.clock, self.recipe
        batch = recipe.batch_size * self._replicas(tau > 1)
        epoch = self._epoch_of(batch)
        own = epoch.weight_sums()
        sums = own.copy()
        with self.meter.timed("exchanging"):
            self.exact(sums.reshape(-1))
        own, sums = own.T, sums.T  # (steps, outputs)
        ends = False
        while clock.step < epoch.steps and self.course.steps_left > 0 and not ends:
            rows, weights = epoch.rows(clock.step), own[clock.step]
            rate = self.course.rate(epoch.seen(clock.step), epoch.steps)
            if tau == 1:
                ends = self._step(rows, sums[clock.step], rate, wants_end)
            else:
                self._local_step(rows, weights, rate)
                if self.block.channel.size > 1:
                    self._steps_of_blocks(rows, weights, rate, tau)
                self.averaging.note(float(weights.sum()), float(sums[clock.step].sum()))
                last = (clock.step + 1 == epoch.steps and self.course.ends_measured) or self.course.steps_left <= 1
                ends = (self.averaging.steps >= tau or last) and self._average(wants_end)
            clock.step, clock.made = clock.step + 1, clock.made + 1
            report(self.course.progress(clock.step / epoch.steps))
        if clock.step == epoch.steps or self.course.steps_left <= 0:
            self._end_epoch(report, clock.step / epoch.steps)
        return ends

    def _iteration(self, wants_end: WantsEnd, report: Report) -> bool:
        """An epoch of a full-batch optimizer; true where the job ends with it."""
        assert self.full_batch is not None
        stop = self.channel.rank == 0 and wants_end()
        sums = self.full_batch.iterate()
        if sums is None:
            raise self.course.lost_loss()
        self.course.note(sums)
        self.course.converged = self.full_batch.converged
        self.clock.made += 1
        self._end_epoch(report, 1.0)
        ends = np.array([float(stop)])
        with self.meter.timed("exchanging"):
            self.exact(ends)
        return bool(ends[0])

    def _step(self, rows: RowBatch, weights: np.ndarray, rate: float, wants_end: WantsEnd) -> bool:
        """One synchronous step, whose rows have these weights, one for each output; true where rank 0 wants
        the job to end with it."""
        stop = self.channel.rank == 0 and wants_end()
        self.stepper.step(*rows, inverse(weights), rate, stop)
        if self.stepper.tail[BROKEN]:
            raise self.course.lost_loss(self.clock.step + 1)
        self.course.note(self.stepper.sums(weights))
        return bool(self.stepper.tail[STOP])

    def _local_step(self, rows: RowBatch, weights: np.ndarray, rate: float) -> None:
        """One local step, over rows of these weights."""
        self.averaging.begin()
        self.stepper.local_step(*rows, inverse(weights), rate)
        self.pending += self.stepper.sums(weights)
        self.broken += float(self.stepper.tail[BROKEN])
        self.course.tick()

    def _steps_of_blocks(self, rows: RowBatch, weights: np.ndarray, rate: float, tau: int) -> None:
        """The rest of a round over the same rows: each block uses what it remembers of the others."""
        for _ in range(tau - 1):
            self.stepper.local_step(*rows, inverse(weights), rate, exchange_now=False)
            self.broken += float(self.stepper.tail[BROKEN])
        with self.meter.timed("exchanging"):
            self.block.reconcile([self.state.weights, *self.state.vectors])
        self.averaging.steps = tau

    def _average(self, wants_end: WantsEnd) -> bool:
        """Average all replicas; true where rank 0 wants the job to end with it."""
        stop = self._settle(self.channel.rank == 0 and wants_end())
        with self.meter.timed("exchanging"):
            self.averaging(self.channel.size > 1)
        return stop

    def _settle(self, stop: bool) -> bool:
        """Sum the ranks' pending measures; true where rank 0 wants the job to end."""
        self.pending[:, 2] *= self.block.first  # all blocks have seen the same rows
        sums = np.array([self.broken, stop, *self.pending.reshape(-1)])
        with self.meter.timed("exchanging"):
            self.exact(sums)
            self.block.sum(sums)
        if sums[BROKEN]:
            raise self.course.lost_loss()
        self.course.note(sums[2:].reshape(self.pending.shape))
        self.pending[:] = 0
        return bool(sums[STOP])

    def _end_epoch(self, report: Report, part: float) -> None:
        if self.averaging.steps:
            self._settle(False)
        elif self.block.total(
            float(not all_finite(self.state.weights))
        ):  # the next step would show it, if there is one
            raise self.course.lost_weights()
        metrics = self._evaluated(self.shard.train)[1] if self.recipe.metrics else {}
        validation = None
        if self.recipe.validated:
            validation, others = self._evaluated(self.shard.valid, "validation")
            metrics |= others
        report(self.course.end_epoch(validation, part, metrics))

    def _evaluated(self, rows: Rows, of: str = "") -> tuple[np.ndarray, dict[str, float]]:
        """(outputs, 2): the sums of loss and metric over these rows of all ranks; and the recipe's metrics, by name."""
        parts = MetricParts(self.recipe) if self.recipe.metrics else None
        with self.meter.timed("computing"):
            sums = self.stepper.evaluate(rows, parts)
        with self.meter.timed("exchanging"):
            self.exact(sums.reshape(-1))
            self.block.sum(sums)
            metrics = {} if parts is None else values(self.recipe, gathered(parts.parts(), self.channel), of)
        return sums, metrics


def rows_evaluated(recipe: Recipe, shard: Shard) -> int:
    """The most rows that are evaluated one after another."""
    of_all = recipe.metrics or recipe.optimizer.full_batch
    return max(len(shard.valid), len(shard.train) if of_all else 0)
