"""One rank's job, from the first row to the last word: plain functions of a plan, frames and a way to meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.errors import DataError, ExchangeError, NetworkError, ParamError, TrainingError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.gather import all_gather_bytes
from spark_deepnet.exchange.meet import meet
from spark_deepnet.exchange.report import Reporter
from spark_deepnet.layers.layer import Call
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.rows.columns import BYTES, STEPS, Columns, Target
from spark_deepnet.rows.ragged import Ragged
from spark_deepnet.rows.shard import Shard, read_shard
from spark_deepnet.rows.table import Dense, Features, Table, Targets
from spark_deepnet.train.census import Census, take_census
from spark_deepnet.train.loop import Loop, Report
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State, pieces
from spark_deepnet.train.step import Stepper

SCHEMA = "kind string, rank int, part int, data binary"
WEIGHTS, STATE, MEASURES, ERROR = "weights", "state", "measures", "error"
SAID = (DataError, NetworkError, ParamError, TrainingError)
"""Every rank raises them alike: they travel home as rows, and end the fit."""
BREATH = 0.2  # seconds between two words of progress
READING = 3600.0  # seconds that ranks wait for one that still reads its rows; a dead one is noticed at once
SETUPS = 20  # a job lasts at least so many times its set-up


@dataclass(frozen=True)
class Seat:
    """A rank's place among the others: who it is, where it listens, and how all first speak to all."""

    rank: int
    size: int
    address: str
    all_gather: Callable[[str], list[str]]


def run(plan: TrainPlan, frames: Iterable[pd.DataFrame], seat: Seat) -> Iterator[pd.DataFrame]:
    """Train one rank's part of one job; yields rows of SCHEMA."""
    try:
        with threadpool_limits(plan.threads):
            yield from _job(plan, frames, seat)
    except SAID as error:
        said = {"error": type(error).__name__, "message": str(error)}
        yield _frame(ERROR, seat.rank, [json.dumps(said).encode()])


def _job(plan: TrainPlan, frames: Iterable[pd.DataFrame], seat: Seat) -> Iterator[pd.DataFrame]:
    meter = Meter()
    with ThreadPoolExecutor(1, thread_name_prefix="meet") as pool:
        meeting = pool.submit(_met, plan, seat)  # takes a second of waiting: meanwhile kernels and rows are loaded
        try:
            with meter.timed("compiling"):
                warm_up(plan)
            with meter.timed("reading"):
                shard = read_shard(frames, plan.columns)
        except BaseException:
            meeting.add_done_callback(_leave)
            raise
        channel = _channel(meeting, meter)
    try:
        state, census = _trained(plan, shard, channel, meter)
        yield from _results(plan, state, census, channel, meter)
    finally:
        channel.close()


def _met(plan: TrainPlan, seat: Seat) -> Channel:
    return meet(seat.rank, seat.size, seat.address, seat.all_gather, plan.secret, plan.job, plan.deadline)


def _leave(meeting: Future[Channel]) -> None:
    """Close the channel of a rank that has failed before it could use it."""
    if meeting.exception() is None:
        meeting.result().close()


def _channel(meeting: Future[Channel], meter: Meter) -> Channel:
    with meter.timed("meeting"):
        return meeting.result()


def _trained(plan: TrainPlan, shard: Shard, channel: Channel, meter: Meter) -> tuple[State, Census]:
    with meter.timed("meeting"):
        channel.deadline = max(plan.deadline, READING)
        census = take_census(shard, channel, plan)
        channel.deadline = plan.deadline
        state = _state(plan, shard, channel)
    channel.seconds_waiting = 0.0  # of training alone
    loop = Loop(plan.recipe, shard, channel, census, state, meter)
    setup = meter.elapsed
    lasts = max(plan.job_seconds, SETUPS * setup) if plan.job_seconds else 0.0
    reporter = _reporter(plan) if channel.rank == 0 else None
    try:
        loop.run(lambda: meter.elapsed - setup >= lasts, _report_to(reporter))
    finally:
        if reporter is not None:
            reporter.close()
    return state, census


def _state(plan: TrainPlan, shard: Shard, channel: Channel) -> State:
    """The state that the last job handed back, or the start."""
    recipe = plan.recipe
    layout = Layout(recipe.scores_net())
    state = State.started(layout, recipe.made_optimizer(), recipe.seed, recipe.validated)
    if plan.state_chunks:
        state.restore(_shared_chunks(shard.state, plan.state_chunks, channel))
    return state


def _shared_chunks(own: dict[int, bytes], expected: int, channel: Channel) -> dict[int, bytes]:
    """All chunks: each came to whichever rank Spark sent it to, and the ranks pass them on."""
    everywhere: dict[int, bytes] = {}
    lengths = {number: len(chunk) for number, chunk in own.items()}
    told = all_gather_bytes(channel, json.dumps(lengths).encode())
    for blob, of_rank in zip(all_gather_bytes(channel, b"".join(own.values())), told, strict=True):
        start = 0
        for number, length in json.loads(of_rank).items():
            everywhere[int(number)] = blob[start : start + length]
            start += length
    if len(everywhere) != expected:
        raise ExchangeError(f"state: {expected} chunks were sent, {len(everywhere)} came; the fit cannot go on")
    return everywhere


def _reporter(plan: TrainPlan) -> Reporter | None:
    if plan.listener is None:
        return None
    try:
        return Reporter(*plan.listener, secret=plan.secret, timeout=2.0)
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


def _results(plan: TrainPlan, state: State, census: Census, channel: Channel, meter: Meter) -> Iterator[pd.DataFrame]:
    """Measures of every rank; of rank 0 also the weights, or the state where the fit goes on."""
    meter.seconds["waiting"] += channel.seconds_waiting
    meter.seconds["exchanging"] -= min(channel.seconds_waiting, meter.seconds["exchanging"])
    measures = {
        "seconds": meter.seconds | {"total": meter.elapsed},
        "bytesSent": channel.bytes_sent,
        "fingerprint": census.fingerprint,
        "rows": census.rows,
        "validationRows": census.validation_rows,
    }
    yield _frame(MEASURES, channel.rank, [json.dumps(measures).encode()])
    if channel.rank == 0:
        chunks = state.chunks()
        yield _frame(STATE, 0, [next(chunks)])
        rest = pieces(state.kept()) if state.clock.finished else chunks
        for part, chunk in enumerate(rest, start=0 if state.clock.finished else 1):
            yield _frame(WEIGHTS if state.clock.finished else STATE, 0, [chunk], part)


def _frame(kind: str, rank: int, data: list[bytes], part: int = 0) -> pd.DataFrame:
    return pd.DataFrame({"kind": kind, "rank": rank, "part": range(part, part + len(data)), "data": data})


def warm_up(plan: TrainPlan) -> None:
    """Load or compile every kernel that the fit will call, on one row of zeros."""
    recipe = plan.recipe
    net = recipe.scores_net()
    layout, optimizer = Layout(net), recipe.made_optimizer()
    state = State.started(layout, optimizer, recipe.seed, False)
    table = _one_row(plan.columns)
    stepper = Stepper(recipe, state, 1, Call.total, Call.total, Meter())
    stepper.step(table, table.keys(), np.zeros(1, np.int64), np.ones(len(stepper.heads)), 0.0, False)
    stepper.evaluate(table)


def _one_row(columns: Columns) -> Table:
    """A row of zeros, of one step where rows are sequences."""
    features: dict[str, Features] = {}
    for source in columns.sources:
        kind = np.uint8 if source.kind == BYTES else np.float32
        if source.kind == STEPS:
            features[source.input] = Ragged(np.zeros((1, *source.shape[1:]), np.float32), np.array([0, 1]))
        else:
            features[source.input] = Dense(np.zeros((1, source.width), kind))
    steps = next(iter(features.values()))
    count = 1 if isinstance(steps, Ragged) else columns.sources[0].shape[0]
    targets = tuple(_one_target(target, count) for target in columns.targets)
    return Table(features, targets, np.ones(1, np.float32), np.zeros(1, bool))


def _one_target(target: Target, steps: int) -> Targets:
    """Zeros for one row, of so many steps where every step has a target."""
    zeros = np.zeros((1, target.labels), np.float32) if target.labels else np.zeros(1, np.int32)
    return Ragged(np.repeat(zeros, steps, 0), np.array([0, steps])) if target.steps else zeros
