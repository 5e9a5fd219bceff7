"""One step: synchronous (every rank's share of a batch, one sum over the ranks, one update), or local to a rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from spark_deepnet.data.dataset import Rows
from spark_deepnet.data.feed import fill_batch
from spark_deepnet.data.table import Table
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.kernels.gather import count_not_finite
from spark_deepnet.kernels.gradients import clip_and_decay
from spark_deepnet.kernels.memory import aligned, padded
from spark_deepnet.kernels.random import key_of
from spark_deepnet.kernels.reductions import sum_of_squares
from spark_deepnet.kernels.threads import in_parallel
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Run
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.block import Block
from spark_deepnet.train.loss_head import LossHead
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.metric_parts import MetricParts
from spark_deepnet.train.overlapped import Overlapped
from spark_deepnet.train.seen import SeenRows
from spark_deepnet.train.standardization import gradient_factors
from spark_deepnet.train.state import State

Sum = Callable[[np.ndarray], None]
"""Sums a vector over all ranks, in place."""


class SynchronousSum:
    """The sum over all ranks that layers ask for: over this rank's rows in a local step. It knows nothing of
    the stepper, whose arrays are thus free as soon as nobody holds it."""

    def __init__(self, total: Sum) -> None:
        self.total, self.local = total, False

    def __call__(self, vector: np.ndarray) -> None:
        if not self.local:
            self.total(vector)


BROKEN, STOP = range(2)  # floats behind the gradients that are summed with them
MEASURES = 2  # from here on, for each output its mean loss and metric


MIN_PART_WEIGHTS = 1 << 17
"""Fewest weights, of those that are updated together, for which a thread of its own pays: some 100 us."""


def stretch_parts(stretch: slice) -> Iterator[slice]:
    """The parts of a stretch of weights that threads update at the same time."""
    for first in range(stretch.start, stretch.stop, MIN_PART_WEIGHTS):
        yield slice(first, min(first + MIN_PART_WEIGHTS, stretch.stop))


class Stepper:
    """The arrays of a step, made once: a step in steady state allocates nothing large."""

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        capacity: int,
        all_reduce: Sum,
        total: Sum,
        meter: Meter,
        block: Block | None = None,
        rows: Channel | None = None,
    ) -> None:
        """rows: the channel over which gradients of few rows go, where some rank's features are sparse."""
        self.block = block or Block.whole(recipe)
        self.recipe, self.state, self.all_reduce, self.meter = recipe, state, all_reduce, meter
        self.synchronous_sum = SynchronousSum(total)
        self.exchange_now = True
        """Whether the blocks of the network exchange in this step."""
        self.key = np.uint64(0)
        self.others = 0.0
        """The squares of the other blocks' gradients, as of the last exchange."""
        blocks = self.block.exchange
        self.runner = Runner(self.block.net, state.weights, max(1, capacity), total=self.synchronous_sum, blocks=blocks)
        self.heads, self.optimizer = recipe.heads(), recipe.optimizer
        factors = gradient_factors(recipe, self.runner.layout, state.weights)
        self.loss_heads = [
            LossHead(head, top, self.block.first, factors.get(k), self.optimizer.full_batch)
            for k, (head, top) in enumerate(zip(self.heads, self.block.net.tops, strict=True))
        ]
        size = self.runner.layout.size
        self.vector = aligned(size + padded(MEASURES + 2 * len(self.heads)))
        self.gradients, self.tail = self.vector[:size], self.vector[size:]
        self.measures = self.tail[MEASURES : MEASURES + 2 * len(self.heads)].reshape(-1, 2)
        self.runner.use_gradients(self.gradients)
        self.own = self.block.own()
        self.runs = self.runner.layout.runs(self.optimizer.layerwise)
        speak = (
            self.runner.needs_all_reduce or blocks is not None
        )  # layers that exchange use the channel during the step
        overlaps = recipe.overlap and not speak and rows is None
        self.overlapped = Overlapped(self.runner.layout, self.vector, all_reduce) if overlaps else None
        if overlaps or self.optimizer.full_batch:
            self.runner.sparse = frozenset()  # all gradients go in stretches of the vector
        self.rows = SeenRows(recipe, self.runner, rows)

    def step(
        self, table: Table, keys: np.ndarray, rows: np.ndarray, scales: np.ndarray, rate: float, stop: bool
    ) -> None:
        """One synchronous step over these of the rank's rows; scales: for each output 1 / the weight of the whole batch,
        of all ranks, or 0 where it has none; where all have none the step does nothing.

        Afterwards ``measures`` holds, of all ranks together, each output's mean loss and metric over the batch, and
        ``tail``, where they are above 0, that scores were not finite, and that rank 0 wants the job to end here.
        """
        self.synchronous_sum.local, self.exchange_now = False, True
        with self.meter.timed("computing"):
            self.compute(table, keys, rows, scales)
            self.tail[STOP] = stop
        with self.meter.timed("exchanging"):
            if self.overlapped is None:
                self.rows.sum(self.vector, self.all_reduce)
            else:
                self.overlapped.finish()
            self.block.sum(self.tail)
        with self.meter.timed("computing"):
            if self.tail[BROKEN] == 0 and any(scales):
                self.state.clock.count += 1
                self._update(rate)

    def local_step(
        self,
        table: Table,
        keys: np.ndarray,
        rows: np.ndarray,
        scales: np.ndarray,
        rate: float,
        exchange_now: bool = True,
    ) -> None:
        """One local step; scales: for each output 1 / the weight of these rows. ``measures`` and
        ``tail`` are this rank's own part. The count advances even where there is no row, so that it is the same on
        all ranks. Of a network in blocks, a step that is not ``exchange_now`` is one more over the same rows, in which the
        blocks do not exchange."""
        self.synchronous_sum.local, self.exchange_now = True, exchange_now
        with self.meter.timed("computing"):
            self.compute(table, keys, rows, scales)
            self.state.clock.count += 1
            if self.tail[BROKEN] == 0 and any(scales):
                self._update(rate)

    def compute(self, table: Table, keys: np.ndarray, rows: np.ndarray, scales: np.ndarray) -> None:
        """The gradients of these rows, and their measures."""
        self.tail[:] = 0
        if len(rows) == 0 and (self.synchronous_sum.local or not self.runner.needs_all_reduce):
            self.rows.nothing(self.gradients)
            return
        batch, lengths = fill_batch(self.runner, table.features, rows)
        if self.exchange_now:
            self.key = key_of("step", self.recipe.seed, self.state.clock.count)
        batch.forward(True, self.key, keys[rows], lengths, self.exchange_now, self.state.clock.count)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is counted
            for k, (loss_head, out) in enumerate(zip(self.loss_heads, batch.outputs, strict=True)):
                loss, metric = loss_head.measured(batch, k, table, rows, scales[k])
                self.measures[k] = loss_head.part(loss, metric)
                self.tail[BROKEN] += count_not_finite(out.y.reshape(-1)) + (not np.isfinite(np.float32(loss)))
        batch.backward(None if self.overlapped is None or self.synchronous_sum.local else self.overlapped.done)

    @property
    def objective(self) -> float:
        """What the last step's gradients are those of, where the optimizer needs it."""
        return sum(loss_head.objective for loss_head in self.loss_heads)

    def refresh(self, table: Table, keys: np.ndarray, rows: np.ndarray, passes: int) -> None:
        """A forward pass of all ranks together, for the running statistics of layers such as BatchNorm: they become the
        means over this pass and the ``passes`` before it."""
        self.synchronous_sum.local, self.exchange_now = False, True
        batch, lengths = fill_batch(self.runner, table.features, rows)
        key = key_of("step", self.recipe.seed, self.state.clock.count + passes)
        batch.forward(True, key, keys[rows], lengths, updates=passes, refreshes=True)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """(outputs, 3): of the step's rows, which have these weights, the sums of loss, metric and weight."""
        return np.column_stack([self.measures * weights[:, None], weights])

    def _update(self, rate: float) -> None:
        if self.optimizer.full_batch:  # moves the weights by itself
            return
        recipe, state = self.recipe, self.state
        count = state.clock.count - state.clock.restarted
        apart = self.rows.settle()
        scale = self._clip_scale()

        parts: list[Callable[[], None]] = []

        def move(w: np.ndarray, g: np.ndarray, vectors: tuple[np.ndarray, ...], run: Run) -> None:
            l1, l2 = recipe.l1 * run.decays, recipe.l2 * run.decays
            if l1 or l2 or recipe.clip_value or scale != 1:
                bound = recipe.clip_value or float(np.finfo(np.float32).max)
                clip_and_decay(w, l1, l2, bound, scale, g)
            self.optimizer.step(w, g, vectors, rate * run.rate, count, run.decays)

        for run in self.runs:
            for stretch in self.rows.rest(run.stretch):
                for part in (stretch,) if self.optimizer.layerwise else stretch_parts(stretch):
                    vectors = tuple(vector[part] for vector in state.vectors)
                    parts.append(partial(move, state.weights[part], self.gradients[part], vectors, run))
        in_parallel(parts)
        for seen in apart:
            self.rows.step(seen, [state.weights, *state.vectors], move)

    def _clip_scale(self) -> float:
        """What the gradients are multiplied by so that their vector is no longer than clip_norm."""
        if not self.recipe.clip_norm:
            return 1.0
        squares = self._squares()
        if self.exchange_now:
            self.others = self.block.total(squares) - squares
        norm = float(np.sqrt(squares + self.others))
        return min(1.0, self.recipe.clip_norm / norm) if norm > 0 else 1.0

    def _squares(self) -> float:
        """Of the gradients that this block answers for."""
        flat = [part for own in self.own for part in self.rows.rest(own)]
        starts = {own.start for own in self.own}
        apart = [
            s.values
            for s in self.rows.seen
            if s.apart and s.slot.weight.moves and (self.block.channel.size == 1 or s.slot.start in starts)
        ]
        gradients = [*(self.gradients[part] for part in flat), *(values.reshape(-1) for values in apart)]
        return float(sum(map(sum_of_squares, gradients)))

    def evaluate(self, rows: Rows, parts: MetricParts | None = None) -> np.ndarray:
        """(outputs, 2): this block's part of the weighted sums of loss and metric over all rows, in scoring mode. parts: to
        which the rows' metrics are added."""
        sums, ordered = np.zeros((len(self.heads), 2)), rows.in_order()
        for start in range(0, len(rows), self.runner.capacity):
            table, keys, index = ordered.between(start, min(start + self.runner.capacity, len(rows)))
            batch, lengths = fill_batch(self.runner, table.features, index)
            batch.forward(False, np.uint64(0), keys[index], lengths)
            sums += [g.part(*g.measured(batch, k, table, index, 1.0, parts)) for k, g in enumerate(self.loss_heads)]
        return sums
