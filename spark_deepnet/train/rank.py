"""One rank's job, from the first row to the last word: plain functions of a plan, frames and a way to meet."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.dummy import dummy_table
from spark_deepnet.data.replicate import share_failure, shared
from spark_deepnet.data.shard import Reader, Shard
from spark_deepnet.data.trim import trim_allocators
from spark_deepnet.errors import DataError, ExchangeError, LostPeerError, NetworkError, ParamError, TrainingError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.exchange.rendezvous import rendezvous
from spark_deepnet.exchange.report import Reporter
from spark_deepnet.exchange.sub_channel import SubChannel
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Call
from spark_deepnet.net.chunks import Chunk, chunks_of
from spark_deepnet.net.cut import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.block import Block
from spark_deepnet.train.dataset_stats import DatasetStats, take_stats
from spark_deepnet.train.loop import Loop, Report
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.redistribute import redistribute_state
from spark_deepnet.train.state import ALL, State
from spark_deepnet.train.step import Stepper

SCHEMA = "kind string, rank int, part int, data binary, name string, shape array<int>, sha256 string"
"""The name and the shape are of weights; the checksum is of weights and state."""
COLUMNS = [part.split()[0] for part in SCHEMA.split(", ")]
"""In their order, by which alone some sessions read frames."""
WEIGHTS, STATE, MEASURES, ERROR = "weights", "state", "measures", "error"
SAID = (DataError, NetworkError, ParamError, TrainingError)
"""Every rank raises them alike: they travel home as rows, and end the fit."""
BREATH = 0.2  # seconds between two words of progress
READING = 3600.0  # seconds that ranks wait for one that still reads its rows, while it lives
LAST_WORDS = 2.0  # seconds in which a rank that has gone is heard of before those that miss it
SETUPS = 20  # a job lasts at least so many times its set-up


@dataclass(frozen=True)
class RankContext:
    """A rank's place among the others: who it is, where it listens, and how all first speak to all."""

    rank: int
    size: int
    address: str
    all_gather: Callable[[str], list[str]]
    stage: int = 0
    """Spark's number of the job's stage."""


def run(plan: TrainPlan, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[pd.DataFrame]:
    """Train one rank's part of one job; yields rows of SCHEMA."""
    try:
        with threadpool_limits(plan.threads):
            yield from _job(plan, frames, context)
    except SAID as error:
        said = {"error": type(error).__name__, "message": str(error)}
        yield _frame(ERROR, context.rank, [json.dumps(said).encode()])
    except LostPeerError:
        time.sleep(LAST_WORDS)  # Spark ends all ranks with the first error that it hears of: let that be the cause
        raise


def _job(plan: TrainPlan, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[pd.DataFrame]:
    meter = Meter()
    with closing(Reader(plan.columns, plan.row_memory)) as reader:
        pool = ThreadPoolExecutor(1, thread_name_prefix="rendezvous")
        meeting = pool.submit(_met, plan, context)  # takes a second of waiting: meanwhile kernels and rows are loaded
        try:
            with meter.timed("compiling"):
                warm_up(plan, plan.grid.block(context.rank))
            with meter.timed("reading"):
                shard = reader.shard(reader.tables(frames)) if plan.blocks == 1 else None
            with meter.timed("meeting"):
                channel = _channel(meeting, plan, context)
        except BaseException:
            meeting.add_done_callback(_leave)
            raise
        finally:
            pool.shutdown(wait=False)
        try:
            if shard is None:
                with meter.timed("reading"):
                    shard = _shared(plan, reader, frames, channel)
            state, stats = _trained(plan, shard, channel, meter)
            yield from _results(plan, context, shard, state, stats, channel, meter)
        finally:
            channel.close()


def _shared(plan: TrainPlan, reader: Reader, frames: Iterable[pd.DataFrame], channel: Channel) -> Shard:
    """The rows of all ranks of a replica, of which each holds a block of the weights."""
    blocks = SubChannel(channel, plan.grid.of_replica(plan.grid.replica(channel.rank)))
    channel.liveness_timeout = max(plan.deadline, READING)
    shard = reader.shard(shared(reader.tables(frames), reader.faults, blocks))
    share_failure(shard, blocks)
    channel.liveness_timeout = plan.deadline
    return shard


def _met(plan: TrainPlan, context: RankContext) -> Channel:
    return rendezvous(
        context.rank, context.size, context.address, context.all_gather, plan.secret, plan.job, plan.deadline,
        plan.listening, plan.identity,
    )  # fmt: skip


def _leave(meeting: Future[Channel]) -> None:
    """Close the channel of a rank that has failed before it could use it."""
    if meeting.exception() is None:
        meeting.result().close()


def _channel(meeting: Future[Channel], plan: TrainPlan, context: RankContext) -> Channel:
    if wait([meeting], plan.deadline).done:
        return meeting.result()
    raise ExchangeError(
        f"rank {context.rank} at {context.address} waited {plan.deadline:g} s to meet {context.size - 1} others; "
        f"is one frozen?"
    )


def _trained(plan: TrainPlan, shard: Shard, channel: Channel, meter: Meter) -> tuple[State, DatasetStats]:
    grid, rank = plan.grid, channel.rank
    replicas = SubChannel(channel, grid.of_block(grid.block(rank)))
    with meter.timed("meeting"):
        block = Block.of(plan.recipe, SubChannel(channel, grid.of_replica(grid.replica(rank))))
        channel.liveness_timeout = max(plan.deadline, READING)
        stats = take_stats(shard, replicas, plan)
        channel.liveness_timeout = plan.deadline
        state = _state(plan, shard, channel, block)
    channel.seconds_waiting = 0.0  # of training alone
    loop = Loop(plan.recipe, shard, replicas, stats, state, meter, block)
    setup = meter.elapsed
    lasts = max(plan.job_seconds, SETUPS * setup) if plan.job_seconds else 0.0
    reporter = _reporter(plan) if rank == 0 else None
    try:
        loop.run(lambda: meter.elapsed - setup >= lasts, _report_to(reporter), plan.until(state.clock.epoch))
    finally:
        if reporter is not None:
            reporter.close()
    return state, stats


def _state(plan: TrainPlan, shard: Shard, channel: Channel, block: Block) -> State:
    """The state that the last job handed back, or the start."""
    recipe = plan.recipe
    state = State.started(Layout(block.net), recipe.made_optimizer(), recipe.seed, recipe.validated)
    if recipe.keeps_residual:
        state.residual = aligned(state.weights.size)
    if plan.state_chunks:
        chunks = redistribute_state(shard.state, plan.state_chunks, channel, plan.grid)
        state.restore(chunks, channel.rank, recipe.keeps_own, block.channel.rank)
        trim_allocators()  # as much as the state itself
    return state


def _reporter(plan: TrainPlan) -> Reporter | None:
    if plan.listener is None:
        return None
    try:
        return Reporter(*plan.listener, secret=plan.secret, timeout=2.0, identity=plan.identity)
    except ExchangeError:
        return None  # the driver is behind a wall: the fit goes on without a progress bar


def _report_to(reporter: Reporter | None) -> Report:
    last = 0.0

    def report(progress: dict[str, Any]) -> None:
        nonlocal last
        now = time.perf_counter()
        if reporter is not None and ("measures" in progress or now - last > BREATH):
            last = now
            reporter.send(json.dumps(progress).encode())

    return report


def _results(
    plan: TrainPlan,
    context: RankContext,
    shard: Shard,
    state: State,
    stats: DatasetStats,
    channel: Channel,
    meter: Meter,
) -> Iterator[pd.DataFrame]:
    """Measures of every rank; of the first replica also the weights, or the state where the fit goes on, to which every
    rank adds what is its own. A chunk's ``rank`` is whose it is."""
    meter.seconds["waiting"] += channel.seconds_waiting
    meter.seconds["exchanging"] -= min(channel.seconds_waiting, meter.seconds["exchanging"])
    measures = {
        "seconds": meter.seconds | {"total": meter.elapsed},
        "bytesSent": channel.bytes_sent,
        "fingerprint": stats.fingerprint,
        "rows": stats.rows,
        "validationRows": stats.validation_rows,
        "ownRows": len(shard.train) + len(shard.valid),
        "spilledBytes": shard.spilled,
        "rounded": shard.rounded,
        "stage": context.stage,
        "notes": list(stats.notes),
    }
    yield _frame(MEASURES, channel.rank, [json.dumps(measures).encode()])
    own, finished = plan.recipe.keeps_own, state.clock.finished
    if plan.grid.replica(channel.rank) == 0:
        block = plan.grid.block(channel.rank)
        chunks, whose = state.chunks(own), ALL - block
        yield _frame(STATE, whose, [next(chunks)])
        if finished:
            state.vectors.clear()  # their memory is wanted for what goes out
            layout = Layout(cut(plan.recipe.scores_net(), block, plan.blocks))
            yield from (_named(whose, chunk) for chunk in chunks_of(layout.named(state.kept())))
        else:
            yield from (_frame(STATE, whose, [chunk], part) for part, chunk in enumerate(chunks, start=1))
    if not finished:
        for part, chunk in enumerate(state.own_chunks(own)):
            yield _frame(STATE, channel.rank, [chunk], part)


def _frame(kind: str, rank: int, data: list[bytes], part: int = 0) -> pd.DataFrame:
    found = pd.DataFrame({"kind": kind, "rank": rank, "part": range(part, part + len(data)), "data": data})
    sha256 = [hashlib.sha256(one).hexdigest() for one in data] if kind == STATE else None
    return found.assign(name=None, shape=None, sha256=sha256)


def _named(whose: int, chunk: Chunk) -> pd.DataFrame:
    """Some of the weights."""
    return pd.DataFrame([chunk]).assign(kind=WEIGHTS, rank=whose)[COLUMNS]


def warm_up(plan: TrainPlan, number: int = 0) -> None:
    """Load or compile every kernel that the block's steps will call, on one row of zeros, of one step where rows are
    sequences."""
    recipe = plan.recipe
    block = Block.of(recipe, NullChannel(number, plan.blocks))
    state = State.started(Layout(block.net), recipe.made_optimizer(), recipe.seed, False)
    table = dummy_table(plan.columns, 1)
    single_rank = memory_channels(1, 1.0)[0]
    stepper = Stepper(recipe, state, 1, Call.total, Call.total, Meter(), block, single_rank)
    stepper.step(table, table.keys(), np.zeros(1, np.int64), np.ones(len(stepper.heads)), 0.0, False)
    stepper.evaluate(InMemoryDataset.all_of(table))
