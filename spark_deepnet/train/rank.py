"""One rank's job, from its first row to its last message: plain functions of a plan, frames and a way to connect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.moments import Column
from spark_deepnet.data.replicate import share_failure, shared
from spark_deepnet.data.shard import Reader, Shard
from spark_deepnet.data.trim import trim_allocators
from spark_deepnet.errors import ExchangeError, LostPeerError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.meeting import Place, meet
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.exchange.rendezvous import rendezvous
from spark_deepnet.exchange.sub_channel import SubChannel
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.threads import threads
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.alone import gathered
from spark_deepnet.train.block import Block
from spark_deepnet.train.dataset_stats import DatasetStats, take_stats
from spark_deepnet.train.inbox import Chunks, Inbox
from spark_deepnet.train.loop import Loop
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.messages import (
    RANK_ERRORS,
    ChunkOwner,
    Error,
    Message,
    StateChunk,
    encode,
)
from spark_deepnet.train.progress import report_to, reporter_of
from spark_deepnet.train.redistribute import redistribute_state
from spark_deepnet.train.results import results_of
from spark_deepnet.train.standardization import channels, set_statistics
from spark_deepnet.train.state import State
from spark_deepnet.train.warm_up import warm_up

READING_TIMEOUT_SECONDS = 3600.0
"""How long ranks wait for one that still reads its rows, while it lives."""
LOST_PEER_DELAY_SECONDS = 2.0
"""How long a rank that misses another waits before it fails, so that Spark hears of the other's failure first."""
MIN_SETUPS_PER_JOB = 20
"""A job lasts at least this many times its set-up."""


@dataclass(frozen=True)
class RankContext:
    """A rank's place among the others: who it is, where it listens, and how all first speak to all where they do not meet
    at the driver."""

    rank: int
    size: int
    address: str
    all_gather: Callable[[str], list[str]]
    stage: int = 0
    """Spark's number of the job's stage."""
    attempt: int = 0
    """A number that the ranks of one attempt of the job share with no other attempt."""


def run(plan: TrainPlan, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[pd.DataFrame]:
    """Train one rank's part of one job; yields its messages, a frame each."""
    try:
        with on_cores(plan):
            yield from map(encode, _job(plan, frames, context))
    except RANK_ERRORS as error:
        yield encode(Error.from_exception(context.rank, error))


@contextmanager
def on_cores(plan: TrainPlan) -> Iterator[None]:
    """A rank computes on its own cores alone, and lets Spark hear first of another's failure."""
    try:
        with threadpool_limits(1), threads(plan.threads):
            yield
    except LostPeerError:
        time.sleep(LOST_PEER_DELAY_SECONDS)
        raise


def _job(plan: TrainPlan, frames: Iterable[pd.DataFrame], context: RankContext) -> Iterator[Message]:
    meter = Meter()

    def prepare() -> None:
        warm_up(plan, plan.grid.block(context.rank))

    with read_and_met(plan, frames, context, meter, channels(plan), prepare) as (shard, chunks, channel):
        state, stats = trained(plan, shard, chunks, channel, meter)
        yield from results_of(plan, context.stage, shard, state, stats, channel, meter)


@contextmanager
def read_and_met(
    plan: TrainPlan,
    frames: Iterable[pd.DataFrame],
    context: RankContext,
    meter: Meter,
    moments: Mapping[Column, int],
    prepare: Callable[[], None],
) -> Iterator[tuple[Shard, Chunks, Channel]]:
    """A rank's rows, the chunks of state among them, and its channel to the others. moments: the columns whose exact sums
    are taken; prepare: what to do while the ranks meet."""
    inbox = Inbox()
    rows = inbox.rows(frames)
    with closing(Reader(plan.columns, plan.row_memory, moments)) as reader:
        pool = ThreadPoolExecutor(1, thread_name_prefix="rendezvous")
        meeting = pool.submit(
            _met, plan, context
        )  # may take a second of waiting: meanwhile kernels and rows are loaded
        try:
            with meter.timed("compiling"):
                prepare()
            with meter.timed("reading"):
                shard = reader.shard(reader.tables(rows)) if plan.blocks == 1 else None
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
                    shard = _shared(plan, reader, rows, channel)
            yield shard, inbox.chunks, channel
        finally:
            channel.close()


def _shared(plan: TrainPlan, reader: Reader, frames: Iterable[pd.DataFrame], channel: Channel) -> Shard:
    """The rows of all ranks of a replica, of which each holds a block of the weights."""
    blocks = SubChannel(channel, plan.grid.of_replica(plan.grid.replica(channel.rank)))
    channel.liveness_timeout = max(plan.deadline, READING_TIMEOUT_SECONDS)
    shard = reader.shard(shared(reader.tables(frames), reader.faults, blocks))
    share_failure(shard, blocks)
    channel.liveness_timeout = plan.deadline
    return shard


def _met(plan: TrainPlan, context: RankContext) -> Channel:
    return rendezvous(
        context.rank, context.size, context.address, partial(_all_gather, plan, context), plan.secret, plan.job,
        plan.deadline, plan.listening, plan.identity,
    )  # fmt: skip


def _all_gather(plan: TrainPlan, context: RankContext, address: str) -> list[str]:
    """Every rank's address: at the driver, or by the barrier, which takes a second."""
    if plan.meeting is not None:
        place = Place(*plan.meeting, plan.job, context.attempt)
        addresses = meet(place, context.rank, context.size, address, plan.secret, plan.deadline, plan.identity)
        if addresses is not None:
            return addresses
    return context.all_gather(address)


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


def trained(
    plan: TrainPlan, shard: Shard, chunks: Chunks, channel: Channel, meter: Meter
) -> tuple[State, DatasetStats]:
    """The state after the job's epochs, and the statistics of all ranks' rows."""
    grid, rank = plan.grid, channel.rank
    replicas = SubChannel(channel, grid.of_block(grid.block(rank)))
    with meter.timed("meeting"):
        block = Block.of(plan.recipe, SubChannel(channel, grid.of_replica(grid.replica(rank))))
        channel.liveness_timeout = max(plan.deadline, READING_TIMEOUT_SECONDS)
        stats = take_stats(shard, replicas, plan)
        channel.liveness_timeout = plan.deadline
        state = _state(plan, chunks, channel, block)
        set_statistics(plan.recipe, block.net.layout, state, stats.statistics)
    state.clock.finished |= plan.stops
    with meter.timed("reading"):
        alone = gathered(plan, stats.rows, shard, replicas)
    if alone is not None and rank > 0:
        return state, stats
    channel.seconds_waiting = 0.0  # of training alone
    rows, trainers = (shard, replicas) if alone is None else (alone, NullChannel(0, 1))
    loop = Loop(resolved(plan.recipe, stats.rows), rows, trainers, stats, state, meter, block)
    setup = meter.elapsed
    lasts = max(plan.job_seconds, MIN_SETUPS_PER_JOB * setup) if plan.job_seconds else 0.0
    reporter = reporter_of(plan) if rank == 0 else None
    try:
        loop.run(lambda: meter.elapsed - setup >= lasts, report_to(reporter), plan.until(state.clock.epoch))
    finally:
        if reporter is not None:
            reporter.close()
    return state, stats


def _state(plan: TrainPlan, chunks: Chunks, channel: Channel, block: Block) -> State:
    """The state that the last job handed back, the one that the fit is to start from, or the initial state."""
    recipe = plan.recipe
    state = State.initial(block.net.layout, recipe.optimizer, recipe.seed, recipe.validated, recipe.outer_steps)
    if recipe.keeps_residual:
        state.residual = aligned(state.weights.size)
    if plan.state_chunks:
        owned = redistribute_state(chunks, plan.state_chunks, channel, plan.grid)
        owner = ChunkOwner(block.channel.rank, channel.rank)
        own_chunks = (StateChunk(o, part, data) for (o, part), data in owned)
        if plan.start_arrays:
            state.start_from(own_chunks, owner, plan.start_arrays)
        else:
            state.restore(own_chunks, owner, recipe.keeps_own)
        trim_allocators()  # as much as the state itself
    return state
