"""Epochs and steps of one rank, from where the state stands until the fit or the job ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spark_deepnet.errors import TrainingError
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.kernels.slopes import all_finite
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.rows.batches import Epoch, largest_share
from spark_deepnet.rows.shard import Shard
from spark_deepnet.train.census import Census
from spark_deepnet.train.measure import Meter, told
from spark_deepnet.train.state import State
from spark_deepnet.train.step import BROKEN, STOP, Stepper

EVALUATED = 128  # rows at once in validation, where a step has fewer
Report = Callable[[dict[str, Any]], None]


class Loop:
    """Every rank runs the same loop and takes the same turns, because all that decides is summed over the ranks."""

    def __init__(
        self, recipe: Recipe, shard: Shard, channel: Channel, census: Census, state: State, meter: Meter
    ) -> None:
        self.recipe, self.shard, self.channel, self.census = recipe, shard, channel, census
        self.state, self.clock, self.meter = state, state.clock, meter
        self.schedule = recipe.made_schedule()
        self.exact = AllReduce(channel, np.float64)
        share = largest_share(len(shard.train), census.rows, recipe.batch_size)
        capacity = max(share, min(len(shard.valid), EVALUATED))
        self.stepper = Stepper(recipe, state, capacity, AllReduce(channel, np.float32), self.exact, meter)
        self.clock.sums = self.clock.sums or self._no_sums()
        self.pace = time.perf_counter()

    def run(self, wants_end: Callable[[], bool], report: Report) -> None:
        """Train until the last epoch, early stopping, or the first step after rank 0 wants the job to end."""
        while not self.clock.finished:
            if self._epoch(wants_end, report):
                return

    def _epoch(self, wants_end: Callable[[], bool], report: Report) -> bool:
        """The rest of an epoch; true where the job ends within it or with it."""
        clock, table, recipe = self.clock, self.shard.train, self.recipe
        rank, size = self.channel.rank, self.channel.size
        epoch = Epoch(len(table), self.census.rows, recipe.batch_size, recipe.seed, clock.epoch, rank, size)
        sums = np.array([epoch.weight_sums(mass) for mass in table.masses])
        with self.meter.timed("exchanging"):
            self.exact(sums.reshape(-1))
        sums = np.ascontiguousarray(sums.T)  # (steps, outputs)
        scales = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
        ends = False
        while clock.step < epoch.steps and not ends:
            rate = self._rate(epoch.steps)
            stop = rank == 0 and wants_end()
            self.stepper.step(table, self.shard.train_keys, epoch.rows(clock.step), scales[clock.step], rate, stop)
            self._note(sums[clock.step], rate)
            clock.step += 1
            report(self._progress(clock.step / epoch.steps))
            ends = bool(self.stepper.tail[STOP])
        if clock.step == epoch.steps:
            if not all_finite(self.state.weights):  # the loss would tell in the next step, which may never come
                raise _lost(f"weights became NaN or infinite in epoch {clock.epoch + 1}", rate)
            self._end_epoch(report)
        return ends

    def _rate(self, steps: int) -> float:
        rows = self.census.rows
        seen = self.clock.epoch * rows + self.clock.step * rows // steps
        return self.schedule.rate(self.recipe.learning_rate, seen, rows, self.recipe.epochs)

    def _note(self, weights: np.ndarray, rate: float) -> None:
        stepper, clock = self.stepper, self.clock
        if stepper.tail[BROKEN]:
            raise _lost(f"loss became NaN or infinite in epoch {clock.epoch + 1}, step {clock.step + 1}", rate)
        for sums, (loss, metric), weight in zip(clock.sums, stepper.measures.tolist(), weights.tolist(), strict=True):
            for i, part in enumerate((loss * weight, metric * weight, weight)):
                sums[i] += part
        now = time.perf_counter()
        clock.seconds += now - self.pace
        self.pace = now

    def _end_epoch(self, report: Report) -> None:
        """Measure, keep the best weights, and see whether this was the last epoch."""
        clock = self.clock
        row = told(self.stepper.heads, [(loss / weight, metric / weight) for loss, metric, weight in clock.sums])
        if self.recipe.validated:
            row |= self._validate()
        now = time.perf_counter()
        clock.seconds += now - self.pace
        self.pace = now
        row |= {"seconds": clock.seconds, "rowsPerSecond": self.census.rows / max(clock.seconds, 1e-9)}
        clock.history.append(row)
        clock.epoch, clock.step, clock.sums, clock.seconds = clock.epoch + 1, 0, self._no_sums(), 0.0
        stale = self.recipe.validated and 0 < self.recipe.patience <= clock.stale
        clock.finished = stale or clock.epoch >= self.recipe.epochs
        report(self._progress(0.0) | {"measures": row, "finished": clock.finished})

    def _validate(self) -> dict[str, float]:
        with self.meter.timed("computing"):
            sums = self.stepper.evaluate(self.shard.valid)
        with self.meter.timed("exchanging"):
            self.exact(sums.reshape(-1))
        row = told(
            self.stepper.heads, (sums / np.array(self.census.validation_weights)[:, None]).tolist(), "validation"
        )
        self._keep_best(row["validationLoss"])
        return row

    def _no_sums(self) -> list[list[float]]:
        return [[0.0, 0.0, 0.0] for _ in self.stepper.heads]

    def _keep_best(self, loss: float) -> None:
        clock = self.clock
        if loss < clock.best - self.recipe.tol * (clock.best_epoch >= 0):
            clock.best, clock.best_epoch, clock.stale = loss, clock.epoch, 0
            assert self.state.best is not None
            self.state.best[...] = self.state.weights
        else:
            clock.stale += 1

    def _progress(self, part: float) -> dict[str, Any]:
        """Where the fit stands, for whoever watches."""
        clock = self.clock
        seen = [(head.weight, sums) for head, sums in zip(self.stepper.heads, clock.sums, strict=True) if sums[2]]
        loss = sum(weight * sums[0] / sums[2] for weight, sums in seen) if seen else None
        return {"epoch": clock.epoch + part, "epochs": self.recipe.epochs, "rows": self.census.rows, "loss": loss}


def _lost(what: str, rate: float) -> TrainingError:
    return TrainingError(
        f"fit: the {what}, at a learning rate of {rate:g}; lower learningRate, set clipNorm, or scale the features"
    )
