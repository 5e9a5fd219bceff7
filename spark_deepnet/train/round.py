"""One partition's part of a round without sockets: weights in, local steps, weights out, to be averaged by Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.sampler import Epoch, largest_share
from spark_deepnet.data.shard import Reader, Shard
from spark_deepnet.errors import DataError, ExchangeError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.threads import threads
from spark_deepnet.layers.layer import Call
from spark_deepnet.net.chunks import cut_out, fill, numbered
from spark_deepnet.plan.automatic import resolved
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.averaging import averaged
from spark_deepnet.train.dataset_stats import counted, fingerprint_of, inverse
from spark_deepnet.train.fit_clock import FitClock
from spark_deepnet.train.loop import MIN_EVALUATION_ROWS, rows_evaluated
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.messages import RANK_ERRORS, Error, MeanChunk, Measures, Message, RowCounts, decode, encode
from spark_deepnet.train.metric_parts import MetricParts, packed
from spark_deepnet.train.standardization import channels
from spark_deepnet.train.state import Clock, State, init_state
from spark_deepnet.train.step import BROKEN, Stepper
from spark_deepnet.train.warm_up import warm_up

COUNT, STEP, EVALUATE = "count", "step", "evaluate"


@dataclass(frozen=True)
class Round:
    """What is sent to the partitions beside the plan."""

    task: str
    """``count`` the rows, make local ``step``s, or ``evaluate`` the validation rows."""
    rows: int = 0
    """To train on, of all partitions."""
    steps: int = 0
    clock: Clock | None = None
    vectors: tuple[bytes, ...] = ()
    """The weights, and the optimizer's vectors where they go on from round to round."""


def run(plan: TrainPlan, turn: Round, frames: Iterable[pd.DataFrame], number: int) -> Iterator[pd.DataFrame]:
    """One partition's round; yields its messages, a frame each."""
    try:
        with threadpool_limits(1), threads(plan.threads):
            yield from map(encode, _round(plan, turn, frames, number))
    except RANK_ERRORS as error:
        yield encode(Error.from_exception(number, error))


def _round(plan: TrainPlan, turn: Round, frames: Iterable[pd.DataFrame], number: int) -> Iterator[Message]:
    meter = Meter()
    moments = channels(plan) if turn.task == COUNT else None
    with closing(Reader(plan.columns, plan.row_memory, moments)) as reader:
        with meter.timed("reading"):
            shard = reader.shard(reader.tables(frames))
        if turn.task == COUNT:
            yield RowCounts(number, counted(shard))
        elif shard.failure:
            raise DataError(shard.failure)
        else:
            with meter.timed("compiling"):
                warm_up(plan)
            yield from _results(Replica(plan, turn, shard, number, meter), meter)


def _results(replica: Replica, meter: Meter) -> Iterator[Message]:
    shard, steps = replica.shard, replica.turn.task == STEP
    with np.errstate(over="ignore", invalid="ignore"):  # what leaves the finite numbers is counted
        sums = replica.step() if steps else replica.evaluate()
    chunks = replica.chunks() if steps else []
    yield Measures(
        rank=replica.number,
        seconds=meter.seconds | {"total": meter.elapsed},
        bytesSent=sum(array.nbytes for array in replica.averaged()) if steps else 0,
        ownRows=len(shard.train) + len(shard.valid),
        spilledBytes=shard.spilled,
        rounded=shard.rounded,
        fingerprint=fingerprint_of([shard.fingerprint]),
        sums=sums,
        metric_parts=replica.metric_parts,
        broken=replica.broken,
    )
    yield from chunks


class Replica:
    """A partition that trains or evaluates by itself."""

    def __init__(self, plan: TrainPlan, turn: Round, shard: Shard, number: int, meter: Meter) -> None:
        self.recipe, self.turn, self.shard, self.number = resolved(plan.recipe, turn.rows), turn, shard, number
        self.batch, self.size = self.recipe.batch_size * plan.workers, plan.workers
        weights, *vectors = (_array(raw) for raw in turn.vectors)
        assert turn.clock is not None
        self.state = State(weights, vectors or init_state(plan.recipe.optimizer, len(weights)), None, turn.clock)
        self.broken = self.weight = 0.0
        """Scores that were not finite, and the weight of the rows seen."""
        self.metric_parts: list[Any] | None = None
        share = largest_share(len(shard.train), turn.rows, self.batch) if turn.task == STEP else 0
        self.stepper = Stepper(
            self.recipe,
            self.state,
            max(share, min(rows_evaluated(self.recipe, shard), MIN_EVALUATION_ROWS)),
            Call.total,
            Call.total,
            meter,
        )

    def step(self) -> list[Any]:
        """The round's steps; returns the sums of loss, metric and row weight by epoch and output."""
        clock, train = self.state.clock, self.shard.train
        course = FitClock(self.recipe, self.state, self.turn.rows, ())
        sums: list[np.ndarray] = []
        left = self.turn.steps
        while left:
            epoch = Epoch(train, self.turn.rows, self.batch, self.recipe.seed, clock.epoch, self.number, self.size)
            own = epoch.weight_sums().T
            sums.append(np.zeros((len(self.stepper.heads), 3)))
            while left and clock.step < epoch.steps:
                weights, rate = own[clock.step], course.rate(epoch.seen(clock.step), epoch.steps)
                rows = epoch.rows(clock.step)
                self.stepper.local_step(*rows, inverse(weights), rate)
                sums[-1] += self.stepper.sums(weights)
                self.broken += float(self.stepper.tail[BROKEN])
                clock.step, left = clock.step + 1, left - 1
            if clock.step == epoch.steps:
                clock.epoch, clock.step = clock.epoch + 1, 0
        self.weight = float(sum(each[:, 2].sum() for each in sums))
        return [each.tolist() for each in sums]

    def averaged(self) -> list[np.ndarray]:
        """The vectors whose mean all replicas go on from."""
        return averaged(self.recipe, self.state)

    def chunks(self) -> Iterator[MeanChunk]:
        """The vectors, with the weight of the rows that they have seen."""
        for part, place in enumerate(numbered(self.averaged())):
            yield MeanChunk(self.number, part, self.weight, cut_out(*place))

    def evaluate(self) -> list[Any]:
        """The sums of loss and metric over the partition's validation rows, by output."""
        if not self.recipe.metrics:
            return self.stepper.evaluate(self.shard.valid).tolist()  # type: ignore[no-any-return]
        train, valid = MetricParts(self.recipe), MetricParts(self.recipe)
        self.stepper.evaluate(self.shard.train, train)
        sums = self.stepper.evaluate(self.shard.valid, valid)
        self.metric_parts = [packed(each.parts()) for each in (train, valid)]
        return sums.tolist()  # type: ignore[no-any-return]


def merged(frame: pd.DataFrame) -> pd.DataFrame:
    """The replicas' chunks of one part as one chunk of their mean; other messages as they are."""
    if frame["kind"].iloc[0] != MeanChunk.kind:
        return frame
    chunks = [chunk for chunk in decode(frame.to_dict("records")) if isinstance(chunk, MeanChunk)]
    return encode(mean_of(chunks))


def mean_of(chunks: Iterable[MeanChunk]) -> MeanChunk:
    """The mean of replicas' chunks of one part, by weight and in the order of replicas."""
    chunks = sorted(chunks, key=lambda chunk: chunk.rank)
    weights = np.array([chunk.weight for chunk in chunks])
    shares = weights / weights.sum() if weights.any() else np.full(len(weights), 1 / len(weights))
    mean = np.zeros(len(chunks[0].data) // 4)
    for share, chunk in zip(shares, chunks, strict=True):
        if share > 0:
            mean += share * np.frombuffer(chunk.data, np.float32)
    return MeanChunk(0, chunks[0].part, float(weights.sum()), mean.astype(np.float32).tobytes())


def take_means(messages: Iterable[Message], vectors: Sequence[np.ndarray]) -> float:
    """Read the mean of the replicas' chunks into the vectors, on the driver; the weight of the rows behind it."""
    places = numbered(vectors)
    replicas: list[dict[int, MeanChunk]] = [{} for _ in places]
    for chunk in messages:
        if isinstance(chunk, MeanChunk):
            if chunk.part >= len(places) or chunk.rank in replicas[chunk.part]:
                raise ExchangeError(f"fit: chunk {chunk.part} of worker {chunk.rank}'s weights was not expected")
            replicas[chunk.part][chunk.rank] = chunk
    for part, (place, chunks) in enumerate(zip(places, replicas, strict=True)):
        if not chunks or chunks.keys() != replicas[0].keys():
            raise ExchangeError(f"fit: chunk {part} of some worker's weights is missing")
        mean = mean_of(chunks.values())
        fill(*place, mean.data)
    return mean.weight


def _array(raw: bytes) -> np.ndarray:
    array = aligned(len(raw) // 4)
    array[:] = np.frombuffer(raw, np.float32)
    return array
