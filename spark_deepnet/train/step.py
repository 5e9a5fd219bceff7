"""One step of synchronous training: every rank's share of a batch, one sum over the ranks, one update."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spark_deepnet.kernels.gather import count_not_finite
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.random import key_of
from spark_deepnet.kernels.slopes import clip_and_decay, sum_of_squares
from spark_deepnet.net.batch import Batch
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.rows.feed import fed
from spark_deepnet.rows.ragged import Ragged
from spark_deepnet.rows.table import Table
from spark_deepnet.train.measure import METRICS, Meter
from spark_deepnet.train.overlapped import Overlapped
from spark_deepnet.train.state import State

Sum = Callable[[np.ndarray], None]
"""Sums a vector over all ranks, in place."""
LOSS, METRIC, BROKEN, STOP = range(4)
TAIL = 16  # floats behind the slopes that are summed with them: the four above, and the rest of a cache line


class Stepper:
    """The arrays of a step, made once: a step in steady state allocates nothing large."""

    def __init__(self, recipe: Recipe, state: State, capacity: int, all_reduce: Sum, total: Sum, meter: Meter) -> None:
        self.recipe, self.state, self.all_reduce, self.meter = recipe, state, all_reduce, meter
        self.runner = Runner(recipe.scores_net(), state.weights, max(1, capacity), total=total)
        self.loss, self.optimizer = recipe.made_loss(), recipe.made_optimizer()
        self.metric = METRICS[self.loss.task]
        size = self.runner.layout.size
        self.vector = aligned(size + TAIL)
        self.slopes, self.tail = self.vector[:size], self.vector[size:]
        self.runner.use_slopes(self.slopes)
        self.runs = self.runner.layout.runs(self.optimizer.layerwise)
        overlaps = recipe.overlap and not self.runner.totals  # layers that sum over ranks need the channel themselves
        self.overlapped = Overlapped(self.runner.layout, self.vector, all_reduce) if overlaps else None

    def step(self, table: Table, keys: np.ndarray, rows: np.ndarray, scale: float, rate: float, stop: bool) -> None:
        """One step over these of the rank's rows; scale: 1 / the weight of the whole batch, of all ranks, or 0 where it
        has none and the step does nothing.

        Afterwards ``tail`` holds, of all ranks together, the batch's mean loss and metric, how many scores were not
        finite, and whether rank 0 wants the job to end here.
        """
        with self.meter.timed("computing"):
            self._slopes(table, keys, rows, scale)
            self.tail[STOP] = stop
        with self.meter.timed("exchanging"):
            self.all_reduce(self.vector) if self.overlapped is None else self.overlapped.finish()
        with self.meter.timed("computing"):
            if self.tail[BROKEN] == 0 and scale > 0:
                self._update(rate)

    def _slopes(self, table: Table, keys: np.ndarray, rows: np.ndarray, scale: float) -> None:
        self.tail[:] = 0
        n = len(rows)
        if n == 0 and not self.runner.totals:
            self.slopes[:] = 0
            return
        batch, lengths = fed(self.runner, table.features, rows)
        step = key_of("step", self.recipe.seed, self.state.clock.count)
        scores = batch.forward(True, step, keys[rows], lengths)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is counted
            self.tail[LOSS], self.tail[METRIC] = self._measured(batch, scores, table, rows, scale)
        self.tail[BROKEN] = count_not_finite(scores.reshape(-1)) + (not np.isfinite(self.tail[LOSS]))
        batch.backward(None if self.overlapped is None else self.overlapped.done)

    def _measured(
        self, batch: Batch, scores: np.ndarray, table: Table, rows: np.ndarray, scale: float
    ) -> tuple[float, float]:
        """The weighted sums of loss and metric; leaves the loss's slope where backward reads it."""
        assert batch.slope is not None
        weights, targets = table.weights[rows] * np.float32(scale), table.targets
        if isinstance(targets, Ragged):
            found, weights = each_step(targets, rows, weights, scores.shape[1])
        else:
            found = targets[rows]
        units = scores.shape[-1]
        scores, slope = scores.reshape(len(weights), units), batch.slope.reshape(len(weights), units)
        loss = self.loss.measure(scores, found, weights, slope)
        return loss, self.metric.sum(scores, found, weights)

    def _update(self, rate: float) -> None:
        recipe, state = self.recipe, self.state
        state.clock.count += 1
        scale = self._clip_scale()
        bound = recipe.clip_value or float(np.finfo(np.float32).max)
        for stretch, decays in self.runs:
            w, g = state.weights[stretch], self.slopes[stretch]
            l1, l2 = (recipe.l1, recipe.l2) if decays else (0.0, 0.0)
            if l1 or l2 or recipe.clip_value or scale != 1:
                clip_and_decay(w, l1, l2, bound, scale, g)
            vectors = tuple(vector[stretch] for vector in state.vectors)
            self.optimizer.step(w, g, vectors, rate, state.clock.count, decays)

    def _clip_scale(self) -> float:
        """What the slopes are multiplied by so that their vector is no longer than clip_norm."""
        if not self.recipe.clip_norm:
            return 1.0
        norm = float(np.sqrt(sum_of_squares(self.slopes)))
        return min(1.0, self.recipe.clip_norm / norm) if norm > 0 else 1.0

    def evaluate(self, table: Table) -> tuple[float, float]:
        """The weighted sums of loss and metric over a table, in scoring mode."""
        loss = metric = 0.0
        for start in range(0, len(table), self.runner.capacity):
            rows = np.arange(start, min(start + self.runner.capacity, len(table)))
            batch, lengths = fed(self.runner, table.features, rows)
            scores = batch.forward(False, np.uint64(0), rows.astype(np.uint64), lengths)
            part = self._measured(batch, scores, table, rows, 1.0)
            loss, metric = loss + part[0], metric + part[1]
        return loss, metric


def each_step(targets: Ragged, rows: np.ndarray, weights: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights of every step of these rows, padded to so many steps with weight 0."""
    found = np.zeros((len(rows), steps, *targets.values.shape[1:]), targets.values.dtype)
    targets.take(rows, found)
    real = np.arange(steps) < targets.lengths[rows][:, None]
    return found.reshape(len(rows) * steps, *found.shape[2:]), (real * weights[:, None]).reshape(-1)
