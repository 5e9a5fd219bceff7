"""A fit without sockets or barrier: SparkNet's rounds as ordinary Spark jobs.

Each round sends the weights to all partitions, every partition steps alone syncEvery times, and what comes back is
averaged: on the driver where it is little, else by a shuffle, chunk by chunk, so that the driver gets one mean.
Partitions may be more than slots, executors may come and go, and a lost task is run again from its rows and the same
weights.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pyspark import TaskContext
from pyspark.sql import DataFrame, Row

from spark_deepnet.data.sampler import steps_of
from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.gradients import all_finite
from spark_deepnet.plan.automatic import EPOCHS, MIN_EPOCHS, resolved
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.spark.callback import Callbacks
from spark_deepnet.spark.fit.advice import log_notes
from spark_deepnet.spark.fit.barrier_fit import DRIVER_STATE, Outcome
from spark_deepnet.spark.fit.checkpoints import Checkpoints
from spark_deepnet.spark.fit.dealing import dealing_key
from spark_deepnet.spark.fit.epoch_log import EpochLog
from spark_deepnet.spark.fit.progress import ProgressBar
from spark_deepnet.spark.session.collected_once import note_task
from spark_deepnet.spark.session.crash_notes import note_crashes
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.interrupts import cancel_jobs_on_interrupt
from spark_deepnet.spark.session.message_limit import check_message
from spark_deepnet.spark.session.spark_errors import translate_spark_error
from spark_deepnet.train import round as rounds
from spark_deepnet.train.auto_sync import local_steps
from spark_deepnet.train.averaging import KEEP, RESET, averaged, restart
from spark_deepnet.train.dataset_stats import DatasetStats, fingerprint_of, no_rows, other_rows, stats_of
from spark_deepnet.train.fit_clock import FitClock
from spark_deepnet.train.inbox import STATE_SCHEMA, state_row
from spark_deepnet.train.messages import (
    SCHEMA,
    ChunkOwner,
    Measures,
    Message,
    RowCounts,
    StateChunk,
    decode,
    measures_of,
    raise_worker_error,
)
from spark_deepnet.train.metric_parts import unpacked, values
from spark_deepnet.train.outer_step import OuterStep
from spark_deepnet.train.round import COUNT, EVALUATE, STEP, Round, take_means
from spark_deepnet.train.standardization import set_statistics
from spark_deepnet.train.start import start
from spark_deepnet.train.state import State

FIRST_ROUND_STEPS = 10  # where syncEvery is derived from measured seconds
MAX_CLOSURE_BYTES = 1 << 19  # that a function carries by itself: Spark's own limit is 1 MiB
_log = logging.getLogger(__name__)


def round_task(plan: TrainPlan, turn: Round, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """What every task of a round runs."""
    from pyspark import Broadcast  # which the package of a thin client lacks

    note_task()
    context = TaskContext.get()
    assert context is not None
    if isinstance(turn.vectors, Broadcast):
        turn = replace(turn, vectors=turn.vectors.value)
    with note_crashes(plan.job, context.partitionId()):
        yield from rounds.run(plan, turn, frames, context.partitionId())


def checked(recipe: Recipe, tau_was_set: bool, blocks: int) -> Recipe:
    """The recipe as rounds can follow it, or an error of what they cannot do."""
    if blocks > 1:
        raise ParamError(
            f"modelBlocks: with exchange='spark' every worker holds all weights, found {blocks}; set exchange to 'sockets'"
        )
    if recipe.optimizer.full_batch:
        raise ParamError(
            f"solver: with exchange='spark' weights are averaged, which {recipe.optimizer.kind} cannot use; set exchange to "
            f"'sockets', or choose another solver, such as adam"
        )
    if recipe.ordered:
        raise ParamError(
            f"orderCol: with exchange='spark' no worker knows the rows of the others, found {recipe.ordered!r}; set "
            f"exchange to 'sockets'"
        )
    if recipe.sync_every == 1 and tau_was_set:
        raise ParamError(
            "syncEvery: with exchange='spark' every exchange is a Spark job, found 1, a job for each step; set 10 or "
            "more, or 'auto'"
        )
    if recipe.sync_epochs:
        raise ParamError(
            f"syncEpochs: with exchange='spark' workers never step together, found {recipe.sync_epochs}; leave it at 0"
        )
    if recipe.overlap or recipe.compression is not None:
        name = "overlap" if recipe.overlap else "compression"
        raise ParamError(f"{name}: with exchange='spark' no gradients are exchanged; leave it unset, or set 'sockets'")
    vectors = recipe.optimizer.vectors
    if recipe.sync_state == KEEP and vectors:
        raise ParamError(
            f"syncState: with exchange='spark' no worker lives long enough to keep its own {', '.join(vectors)}; set "
            f"'average' or 'reset'"
        )
    if EPOCHS in recipe.automatic:  # a small table's 2,000 steps would be a thousand jobs
        recipe = replace(recipe, automatic=tuple(n for n in recipe.automatic if n != EPOCHS), epochs=MIN_EPOCHS)
    return replace(recipe, sync_every=0 if recipe.sync_every == 1 else recipe.sync_every)


class Rounds:
    """Runs round after round until the fit is finished; the clock goes on here, on the driver."""

    def __init__(
        self,
        frame: DataFrame,
        plan: TrainPlan,
        bar: ProgressBar,
        checkpoints: Checkpoints | None = None,
        initial: InitialState | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        self.callbacks = callbacks or Callbacks()
        self.plan, self.recipe, self.bar = replace(plan, job=uuid.uuid4().hex), plan.recipe, bar
        self.spark, self.checkpoints = frame.sparkSession, checkpoints
        self.dealt = frame.repartition(plan.workers, dealing_key(frame, plan.columns))
        recipe = plan.recipe
        self.layout = recipe.scores_net().layout
        self.state = State.initial(self.layout, recipe.optimizer, recipe.seed, recipe.validated, recipe.outer_steps)
        self.outer = OuterStep.of(recipe, self.state, self.layout.moving)
        if initial is not None:
            start(self.state, self.layout, initial)
        self.clock = self.state.clock
        self.ranks: list[dict[str, Any]] = []
        self.epochs = EpochLog(recipe.epochs)
        self.count = 0
        carried = sum(v.nbytes for v in self._carried())
        self.shuffled = carried * plan.workers > DRIVER_STATE
        """A second stage of Python workers takes as long as the rest of a job that has nothing to do."""
        self._check_size(carried)

    def _check_size(self, carried: int) -> None:
        what = "exchange: 'spark' sends weights and optimizer state with each job"
        check_message(self.spark, carried, what, "use 'sockets', or syncState='reset'")

    def run(self) -> Outcome:
        """All rounds."""
        self.dealt = self.dealt.persist()
        try:
            with cancel_jobs_on_interrupt(self.spark):
                self._resume()
                self._take_stats()
                while not self.clock.finished:
                    self._round()
                    self.callbacks.job_end(self.count - 1, asdict(self.clock))
                    self.clock.finished |= self.callbacks.stopped
                    self._save()
        finally:
            with suppress(Exception):  # of a session that was stopped
                self.dealt.unpersist()
        clock = {name: getattr(self.clock, name) for name in ("history", "best_epoch", "count", "started", "tau")}
        return Outcome(self.state.kept(), clock, self.ranks, self.count)

    def _resume(self) -> None:
        """Go on from the last checkpoint, where there is one."""
        if self.checkpoints is not None:
            self.plan, state = self.checkpoints.resumed(self.plan)
            if state is not None:
                rows = state.collect()
                self.state.restore(StateChunk(ChunkOwner(r["block"], r["rank"]), r["part"], r["data"]) for r in rows)
                self.clock = self.state.clock
        self._count_from_here()

    def _count_from_here(self) -> None:
        """To the next checkpoint."""
        self.until, self.saved = self.plan.until(self.clock.epoch), time.perf_counter()

    def _save(self) -> None:
        """A checkpoint, where one is due after this round."""
        early = self.clock.epoch < self.until and time.perf_counter() - self.saved < self.plan.job_seconds
        if self.checkpoints is None or self.clock.finished or early:
            return
        chunks = [state_row(chunk) for chunk in self.state.shared_chunks()]
        self.plan = replace(self.plan, state_chunks=len(chunks))
        self.checkpoints.save(self.spark.createDataFrame(chunks, STATE_SCHEMA), self.plan, self.clock.epoch)
        self._count_from_here()

    def _take_stats(self) -> None:
        counts = [message.values for message in self._job(Round(COUNT)) if isinstance(message, RowCounts)]
        if not counts:  # Spark does not start workers over a relation that it knows to be empty
            raise no_rows()
        self.stats: DatasetStats = stats_of(counts, self.plan)
        stats, size = self.stats, self.plan.workers
        self.recipe = resolved(self.recipe, stats.rows)
        self.steps = steps_of(stats.rows, self.recipe.batch_size * size)
        """Of an epoch."""
        set_statistics(self.recipe, self.layout, self.state, stats.statistics)
        self.plan = replace(self.plan, fingerprint=stats.fingerprint, resumed=None)
        self.clock.tau = self.recipe.sync_every or self.clock.tau or min(FIRST_ROUND_STEPS, self.steps)
        self.course = FitClock(self.recipe, self.state, stats.rows, stats.validation_weights, stats.notes)
        log_notes(stats.sentences)

    def _round(self) -> None:
        """Some steps on all partitions, and their mean."""
        clock, began = self.clock, time.perf_counter()
        measured = self.recipe.validated or self.recipe.metrics
        epochs = 1 if measured else self.recipe.epochs - clock.epoch
        left = min(epochs * self.steps - clock.step, self.course.steps_left)
        steps = int(min(clock.tau, left))  # up to the next weights that are looked at
        vectors = tuple(v.tobytes() for v in self._carried())
        without_history = replace(clock, history=[], sums=[])
        messages = self._job(Round(STEP, self.stats.rows, steps, without_history, vectors))
        measures = self._measures(messages)
        self._average(messages)
        clock.count, clock.made = clock.count + steps, clock.made + steps
        if self.recipe.sync_state == RESET:
            restart(self.recipe, self.state)
        seconds = time.perf_counter() - began
        self._note(measures, clock.step + steps)
        if self.recipe.sync_every == 0:
            self._find_tau(measures, steps, seconds)

    def _average(self, messages: list[Message]) -> None:
        """Take the mean of all partitions, and make the outer step."""
        if self.outer is not None:
            self.outer.begin()
        if take_means(messages, self._carried()) > 0 and self.outer is not None:
            self.outer()

    def _carried(self) -> list[np.ndarray]:
        return averaged(self.recipe, self.state)

    def _note(self, measures: list[Measures], end: int) -> None:
        """Move the clock on to this step of the epoch, over the ends of epochs."""
        if any(m.broken for m in measures):
            raise self.course.lost_loss()
        for sums in zip(*(m.sums or [] for m in measures), strict=True):
            self.course.note(np.sum(sums, 0))
            if end >= self.steps:
                end -= self.steps
                self._end_epoch()
        if self.course.steps_left <= 0 and not self.clock.finished:
            self._end_epoch(end / self.steps)
            end = 0
        self.clock.step = end
        self.bar.limit(self.course.end)
        self.bar.show(self.clock.epoch + end / self.steps, {})

    def _end_epoch(self, part: float = 1.0) -> None:
        if not all_finite(self.state.weights):
            raise self.course.lost_weights()
        validation, metrics = None, {}
        if self.recipe.validated or self.recipe.metrics:
            messages = self._job(Round(EVALUATE, self.stats.rows, 0, self.clock, (self.state.weights.tobytes(),)))
            measures = self._measures(messages)
            metrics = self._metrics(measures)
            validation = np.sum([m.sums or [] for m in measures], 0) if self.recipe.validated else None
        progress = self.course.end_epoch(validation, part, metrics)
        self.bar.show(self.clock.epoch, progress["measures"])
        self.epochs.log(self.clock.history)

    def _metrics(self, measures: list[Measures]) -> dict[str, float]:
        """The recipe's metrics, by name, from the parts of all partitions."""
        if not self.recipe.metrics:
            return {}
        rows = ["", *["validation"] * self.recipe.validated]
        named: dict[str, float] = {}
        for number, of in enumerate(rows):
            parts = [unpacked(m.metric_parts[number]) for m in measures if m.metric_parts]
            named |= values(self.recipe, parts, of)
        return named

    def _find_tau(self, measures: list[Measures], steps: int, seconds: float) -> None:
        """So that what a round takes beside computing is under a tenth of it, at most an epoch."""
        computing = max(m.seconds["computing"] for m in measures)
        self.clock.tau = min(self.steps, local_steps(computing / steps, seconds - computing))

    def _job(self, turn: Round) -> list[Message]:
        with self._sent(turn) as sent:
            messages = decode(self._rows_of(sent))
        raise_worker_error(messages)
        return messages

    @contextmanager
    def _sent(self, turn: Round) -> Iterator[Round]:
        """The round as its function carries it. Spark broadcasts a function of some size, and keeps it on the driver's
        disk until the session ends; large vectors are a broadcast of their own, which ends with the round."""
        large = sum(map(len, turn.vectors)) >= MAX_CLOSURE_BYTES
        shared = dialect_of(self.spark).broadcast(turn.vectors) if large else None
        if shared is None:
            yield turn
            return
        try:
            yield replace(turn, vectors=shared)  # type: ignore[arg-type]
        finally:
            with suppress(Exception):  # of a session that has ended
                shared.destroy()

    def _rows_of(self, turn: Round) -> list[Row]:
        """What a job over all partitions gives."""
        results = self.dealt.mapInPandas(partial(round_task, self.plan, turn), SCHEMA)
        if self.shuffled:
            results = results.groupBy("kind", "part").applyInPandas(rounds.merged, SCHEMA)
        try:
            rows = results.collect()
        except Exception as error:
            raise translate_spark_error(error, self.spark, self.plan.job) from None
        self.count += 1
        return rows

    def _measures(self, messages: list[Message]) -> list[Measures]:
        """What the partitions measured, in their order."""
        measures = measures_of(messages)
        fingerprint = fingerprint_of([int(m.fingerprint, 16) for m in measures])
        if fingerprint != self.plan.fingerprint:
            raise other_rows(self.plan, fingerprint)
        self.ranks += [each.summary(self.count) for each in measures]
        return measures
