"""A fit as a short sequence of Spark jobs, each one barrier ``mapInPandas`` over the rows.

A shuffle behind the barrier (``repartition(1)``) makes its stage a map stage, which Spark retries whole when a task or
an executor dies; a barrier result stage is never retried. What is shipped is the module-level ``rank_task`` with a
frozen plan.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pyspark import BarrierTaskContext
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_deepnet.data.sampler import steps_of
from spark_deepnet.data.schema import ORDER
from spark_deepnet.net.chunks import Chunk, arrays_of
from spark_deepnet.net.pieces import assembled
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.plan.storage import is_stored
from spark_deepnet.spark.callback import Callbacks
from spark_deepnet.spark.fit.advice import log_notes
from spark_deepnet.spark.fit.checkpoints import Checkpoints
from spark_deepnet.spark.fit.dealing import dealing_key
from spark_deepnet.spark.fit.driver_listener import DriverListener
from spark_deepnet.spark.fit.epoch_log import EpochLog
from spark_deepnet.spark.fit.first_fit import log_compiling
from spark_deepnet.spark.fit.progress import ProgressBar
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.collected_once import note_task
from spark_deepnet.spark.session.crash_notes import note_crashes
from spark_deepnet.spark.session.interrupts import cancel_jobs_on_interrupt
from spark_deepnet.spark.session.lost_slots import fail_without_slots
from spark_deepnet.spark.session.message_limit import check_message
from spark_deepnet.spark.session.paths import literal
from spark_deepnet.spark.session.removal import try_remove
from spark_deepnet.spark.session.spark_errors import translate_spark_error, warn_of_retries
from spark_deepnet.spark.session.task_address import task_address
from spark_deepnet.spark.session.user_errors import NO_SLOTS
from spark_deepnet.spark.session.without_aqe import planned, without_aqe
from spark_deepnet.spark.session.workers import REGISTRATION_SECONDS, workers_for
from spark_deepnet.spark.weights.on_storage import Stored, write_chunks
from spark_deepnet.train import rank
from spark_deepnet.train.dataset_stats import no_rows
from spark_deepnet.train.inbox import STATE_COLUMNS, STATE_SCHEMA, state_row
from spark_deepnet.train.messages import (
    EVERY,
    SCHEMA,
    Message,
    StateChunk,
    WeightsChunk,
    decode,
    measures_of,
    raise_worker_error,
)
from spark_deepnet.train.start import arrays_of as arrays_of_start
from spark_deepnet.train.start import start_chunks
from spark_deepnet.train.state import clock_of

RETRY_SECONDS = 1.0
"""Before a job that Spark has refused is tried again."""
DRIVER_STATE = 64 << 20
"""Bytes of state that may travel through the driver between jobs."""


def place_of_task(plan: TrainPlan) -> rank.RankContext:
    """A task's place among those of its barrier stage."""
    note_task()
    context = BarrierTaskContext.get()
    number, host = task_address(context)
    attempt = context.taskAttemptId() - number  # Spark numbers the tasks of an attempt one after the other
    return rank.RankContext(number, plan.workers, host, context.allGather, context.stageId(), attempt)


def rank_task(plan: TrainPlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """What every task of a job runs: takes its rank from the barrier and trains."""
    place = place_of_task(plan)
    with note_crashes(plan.job, place.rank):
        yield from rank.run(plan, frames, place)


def retried(collect: Callable[[], list[Row]], spark: SparkSession, cluster: Cluster, plan: TrainPlan) -> list[Row]:
    """A job's rows. Where an executor has died between jobs, another takes some seconds to register; a session that does
    not know its slots refuses the job until then."""
    workers_for(spark, cluster, plan.workers, plan.blocks)
    end = time.monotonic() + REGISTRATION_SECONDS
    while True:
        try:
            return collect()
        except Exception as error:
            if not (NO_SLOTS in str(error) and time.monotonic() < end):
                raise translate_spark_error(error, spark, plan.job) from None
            time.sleep(RETRY_SECONDS)


def weights_of(messages: Iterable[Message], plan: TrainPlan) -> np.ndarray:
    """The weights that the ranks of all blocks have sent."""
    blocks: list[list[Chunk]] = [[] for _ in range(plan.blocks)]
    for message in messages:
        if isinstance(message, WeightsChunk):
            blocks[message.block].append(message.chunk)
    return assembled(plan.recipe.scores_net(), [arrays_of(chunks) for chunks in blocks])


@dataclass
class Outcome:
    """The result of a fit's jobs."""

    weights: np.ndarray | Stored
    clock: dict[str, Any]
    ranks: list[dict[str, Any]]
    """The measures of each rank in each job."""
    jobs: int


class Jobs:
    """Runs job after job until the fit is finished."""

    def __init__(
        self,
        frame: DataFrame,
        cluster: Cluster,
        plan: TrainPlan,
        state_bytes: int,
        folder: str | None,
        bar: ProgressBar,
        checkpoints: Checkpoints | None = None,
        listener: DriverListener | None = None,
        initial: InitialState | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        self.initial, self.listener, self.callbacks = initial, listener, callbacks or Callbacks()
        self.frame, self.plan, self.bar, self.checkpoints = frame, plan, bar, checkpoints
        self.spark, self.cluster = frame.sparkSession, cluster
        on_storage = is_stored(plan.recipe.architecture, plan.blocks)
        self.weights_path = f"{folder}/weights-{uuid.uuid4().hex}" if on_storage else None
        """Where weights go that are too large for the driver."""
        large = state_bytes > DRIVER_STATE or on_storage
        self.folder = f"{folder}/{uuid.uuid4().hex}" if folder and large else None
        if self.folder is None and state_bytes > DRIVER_STATE:  # nowhere to put the state: the fit is one job
            self.plan = replace(plan, job_seconds=float("inf"))
        self.ranks: list[dict[str, Any]] = []
        self.epochs = EpochLog(plan.recipe.epochs)
        self.count = 0

    def run(self) -> Outcome:
        """All jobs, from the last checkpoint on."""
        try:
            with cancel_jobs_on_interrupt(self.spark) as tag:
                with fail_without_slots(self.spark, self.cluster, self.plan.workers, self.plan.deadline, tag):
                    return self._all()
        finally:
            if self.folder is not None:
                try_remove(self.spark, self.folder)

    def _all(self) -> Outcome:
        state = self._resumed()
        messages = self._job(self._started() if state is None else state)
        while not clock_of(messages)["finished"]:
            state = self._state(messages)
            if self.callbacks.stopped:
                self.plan = replace(self.plan, stops=True)
            elif self.checkpoints is not None:
                self.checkpoints.save(state, self.plan, clock_of(messages)["epoch"])
            messages = self._job(state)
            if self.folder is not None:  # the state that the job has read is no longer needed
                try_remove(self.spark, f"{self.folder}/{self.count - 2}")
        return Outcome(self._weights(messages), clock_of(messages), self.ranks, self.count)

    def _resumed(self) -> DataFrame | None:
        if self.checkpoints is None:
            return None
        self.plan, state = self.checkpoints.resumed(self.plan)
        return state

    def _started(self) -> DataFrame | None:
        """The state that the fit is to start from."""
        if self.initial is None:
            return None
        plan = self.plan
        chunks = [state_row(chunk) for chunk in start_chunks(plan.recipe, plan.blocks, self.initial)]
        size = sum(len(row[-1]) for row in chunks)
        what = "initialModel: its weights go to the workers in one message"
        check_message(self.spark, size, what, "fit in a classic session")
        self.plan = replace(plan, state_chunks=len(chunks), start_arrays=arrays_of_start(self.initial))
        return self.spark.createDataFrame(chunks, STATE_SCHEMA)

    def _weights(self, messages: list[Message]) -> np.ndarray | Stored:
        if self.weights_path is not None:
            return self._stored(self.weights_path)
        return weights_of(messages, self.plan)

    def _stored(self, path: str) -> Stored:
        """The last job's weights, copied to the folder in which they stay."""
        written = self._written(self.count - 1).where(F.col("kind") == WeightsChunk.kind)
        try:
            write_chunks(written.select("name", "block", "part", "shape", "data", "sha256"), path)
        except Exception as error:
            try_remove(self.spark, path)
            raise translate_spark_error(error, self.spark) from None
        return Stored(path, self.plan.blocks)

    def _job(self, state: DataFrame | None) -> list[Message]:
        plan = replace(self.plan, job=uuid.uuid4().hex)
        plan = plan if self.listener is None else self.listener.plan(plan)
        frame = self.frame if state is None else self.frame.unionByName(self._beside(state), allowMissingColumns=True)
        dealt = frame.repartition(plan.workers, dealing_key(frame, plan.columns))
        results = dealt.mapInPandas(partial(rank_task, plan), SCHEMA, barrier=True)
        writers = 1 if self.folder is None else plan.workers
        results = results.repartition(writers, "block", "rank", "name", "part")
        messages = decode(retried(lambda: self._collected(results), self.spark, self.cluster, plan))
        self.count += 1
        if not messages:  # Spark starts no workers over a relation that it knows to be empty
            raise no_rows()
        raise_worker_error(messages)
        self._take_measures(messages, plan.job)
        if self.listener is not None:
            self.listener.note_end(plan)
        return messages

    def _beside(self, state: DataFrame) -> DataFrame:
        """The state for a union with the rows. A missing order would make whole numbers floats in pandas, in those frames
        alone that have some of the state, and so rows of these would come in another order than all others."""
        if ORDER not in self.frame.columns:
            return state
        return state.withColumn(ORDER, F.lit(0).cast(self.frame.schema[ORDER].dataType))

    def _collected(self, results: DataFrame) -> list[Row]:
        """A job's rows; where state goes through the folder, only those that the driver needs."""
        if self.folder is None:
            return planned(results).collect()
        path = f"{self.folder}/{self.count}"
        with without_aqe(self.spark):
            write_chunks(results, path, "overwrite")
        kind = F.col("kind")
        clock = (kind == StateChunk.kind) & (F.col("block") == 0) & (F.col("rank") == EVERY) & (F.col("part") == 0)
        large = [StateChunk.kind] if self.weights_path is None else [StateChunk.kind, WeightsChunk.kind]
        return self._written(self.count).where(~kind.isin(large) | clock).collect()

    def _written(self, job: int) -> DataFrame:
        """A job's results in the folder; executors check its chunks as they read them."""
        results = self.spark.read.schema(SCHEMA).parquet(literal(f"{self.folder}/{job}"))
        damaged = F.raise_error(F.lit("a chunk of the state in checkpointDir does not match its checksum"))
        sound = F.col("sha256").isNull() | (F.sha2("data", 256) == F.col("sha256"))
        return results.withColumn("data", F.when(sound, F.col("data")).otherwise(damaged))

    def _state(self, messages: list[Message]) -> DataFrame:
        """The state as a frame of chunks that joins the next job's rows."""
        if self.folder is not None:
            state = self._written(self.count - 1).where(F.col("kind") == StateChunk.kind).select(*STATE_COLUMNS)
            self.plan = replace(self.plan, state_chunks=state.count())
            return state
        chunks = [state_row(message) for message in messages if isinstance(message, StateChunk)]
        self.plan = replace(self.plan, state_chunks=len(chunks))
        return self.spark.createDataFrame(chunks, STATE_SCHEMA)

    def _take_measures(self, messages: list[Message], job: str) -> None:
        measures = measures_of(messages)
        self.ranks += [each.summary(self.count) for each in measures]
        last, clock = measures[-1], clock_of(messages)
        if self.count == 1:
            log_notes(last.notes)
            log_compiling(self.ranks)
        warn_of_retries(self.spark, self.ranks[-1], job)
        self.plan = replace(self.plan, fingerprint=last.fingerprint, resumed=None, start_arrays=0)
        recipe, rows = resolved(self.plan.recipe, last.rows or 1), last.rows or 1
        self.bar.limit(clock["end"] or recipe.epochs)
        if max_steps := recipe.max_steps:
            replicas = 1 if recipe.sync_every == 1 else self.plan.grid.replicas
            self.bar.limit(max_steps / steps_of(rows, recipe.batch_size * replicas))
        if clock["history"]:
            self.bar.show(clock["epoch"], clock["history"][-1])
        self.epochs.log(clock["history"])
        if not self.plan.stops:
            self.callbacks.job_end(self.count - 1, clock)
