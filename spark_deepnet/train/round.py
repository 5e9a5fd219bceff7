"""One partition's part of a round without sockets: weights in, steps alone, weights out, to be averaged by Spark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spark_deepnet.data.sampler import Epoch, largest_share
from spark_deepnet.data.shard import Reader, Shard
from spark_deepnet.errors import DataError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Call
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.averaging import averaged
from spark_deepnet.train.dataset_stats import counted
from spark_deepnet.train.fit_clock import FitClock
from spark_deepnet.train.loop import EVALUATED, inverse
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.rank import ERROR, MEASURES, SAID, warm_up
from spark_deepnet.train.state import Clock, State, init_state, pieces
from spark_deepnet.train.step import BROKEN, Stepper

SCHEMA = "kind string, rank int, part int, mass double, data binary"
MEAN = "mean"
COUNT, STEP, EVALUATE = "count", "step", "evaluate"


@dataclass(frozen=True)
class Round:
    """What the partitions are told beside the plan."""

    task: str
    """``count`` the rows, ``step`` alone, or ``evaluate`` the validation rows."""
    rows: int = 0
    """To train on, of all partitions."""
    steps: int = 0
    clock: Clock | None = None
    vectors: tuple[bytes, ...] = ()
    """The weights, and the optimizer's vectors where they go on from round to round."""


def run(plan: TrainPlan, turn: Round, frames: Iterable[pd.DataFrame], number: int) -> Iterator[pd.DataFrame]:
    """One partition's round; yields rows of SCHEMA."""
    meter = Meter()
    try:
        with threadpool_limits(plan.threads), closing(Reader(plan.columns, plan.row_memory)) as reader:
            with meter.timed("reading"):
                shard = reader.shard(reader.tables(frames))
            if shard.failure and turn.task != COUNT:
                raise DataError(shard.failure)
            if turn.task == COUNT:
                yield _told(MEASURES, number, counted(shard))
            else:
                yield from _worked(plan, turn, shard, number, meter)
    except SAID as error:
        yield _told(ERROR, number, {"error": type(error).__name__, "message": str(error)})


def _worked(plan: TrainPlan, turn: Round, shard: Shard, number: int, meter: Meter) -> Iterator[pd.DataFrame]:
    with meter.timed("compiling"):
        warm_up(plan)
    replica = Replica(plan, turn, shard, number, meter)
    with np.errstate(over="ignore", invalid="ignore"):  # what leaves the finite numbers is counted
        found = replica.stepped() if turn.task == STEP else replica.evaluated()
    parts = [(mass, piece) for mass, vector in found.pop("vectors") for piece in pieces(vector)]
    told = {
        "fingerprint": shard.fingerprint,
        "bytesSent": sum(len(piece) for _, piece in parts),
        "ownRows": len(shard.train) + len(shard.valid),
        "spilledBytes": shard.spilled,
        "rounded": shard.rounded,
    }
    yield _told(MEASURES, number, found | told | {"seconds": meter.seconds | {"total": meter.elapsed}})
    for part, (mass, piece) in enumerate(parts):
        yield _frame(MEAN, number, part, mass, piece)


class Replica:
    """A partition at work alone."""

    def __init__(self, plan: TrainPlan, turn: Round, shard: Shard, number: int, meter: Meter) -> None:
        self.recipe, self.turn, self.shard, self.number = plan.recipe, turn, shard, number
        self.batch, self.size = plan.recipe.batch_size * plan.workers, plan.workers
        weights, *vectors = (_array(raw) for raw in turn.vectors)
        assert turn.clock is not None
        self.state = State(weights, vectors or init_state(plan.recipe.optimizer, len(weights)), None, turn.clock)
        share = largest_share(len(shard.train), turn.rows, self.batch) if turn.task == STEP else 0
        self.stepper = Stepper(
            self.recipe, self.state, max(share, min(len(shard.valid), EVALUATED)), Call.total, Call.total, meter
        )

    def stepped(self) -> dict[str, Any]:
        """So many steps: the sums of loss, metric and row weights by epoch and output, and the vectors with the weight
        of the rows."""
        clock, train = self.state.clock, self.shard.train
        course = FitClock(self.recipe, self.state, self.turn.rows, ())
        sums: list[np.ndarray] = []
        broken, left = 0.0, self.turn.steps
        while left:
            epoch = Epoch(train, self.turn.rows, self.batch, self.recipe.seed, clock.epoch, self.number, self.size)
            own = epoch.weight_sums().T
            sums.append(np.zeros((len(self.stepper.heads), 3)))
            while left and clock.step < epoch.steps:
                weights, rate = own[clock.step], course.rate(epoch.steps)
                rows = epoch.rows(clock.step)
                self.stepper.step_alone(*rows, inverse(weights), rate)
                sums[-1] += self.stepper.sums(weights)
                broken += float(self.stepper.tail[BROKEN])
                clock.step, left = clock.step + 1, left - 1
            if clock.step == epoch.steps:
                clock.epoch, clock.step = clock.epoch + 1, 0
        mass = float(sum(found[:, 2].sum() for found in sums))
        return {
            "sums": [found.tolist() for found in sums],
            "broken": broken,
            "vectors": [(mass, vector) for vector in averaged(self.recipe, self.state)],
        }

    def evaluated(self) -> dict[str, Any]:
        """The sums of loss and metric over the partition's validation rows."""
        return {"sums": self.stepper.evaluate(self.shard.valid).tolist(), "vectors": []}


def merged(frame: pd.DataFrame) -> pd.DataFrame:
    """The parts of one number as their mean; other rows as they are."""
    if frame["kind"].iloc[0] != MEAN:
        return frame
    told = list(frame[["rank", "mass", "data"]].itertuples(index=False, name=None))
    return _frame(MEAN, 0, int(frame["part"].iloc[0]), float(frame["mass"].sum()), mean_of(told))


def mean_of(told: Iterable[tuple[int, float, bytes]]) -> bytes:
    """The mean of one part of the vectors, of float32, weighted by mass and in the order of partitions; told: partition,
    mass and part of each."""
    told = sorted(told)
    mass = np.array([mass for _, mass, _ in told])
    shares = mass / mass.sum() if mass.any() else np.full(len(mass), 1 / len(mass))
    mean = np.zeros(len(told[0][2]) // 4)
    for share, (_, _, data) in zip(shares, told, strict=True):
        if share > 0:
            mean += share * np.frombuffer(data, np.float32)
    return mean.astype(np.float32).tobytes()


def _told(kind: str, number: int, values: dict[str, Any]) -> pd.DataFrame:
    return _frame(kind, number, 0, 0.0, json.dumps(values).encode())


def _frame(kind: str, number: int, part: int, mass: float, data: bytes) -> pd.DataFrame:
    return pd.DataFrame({"kind": kind, "rank": number, "part": part, "mass": mass, "data": [data]})


def _array(raw: bytes) -> np.ndarray:
    found = aligned(len(raw) // 4)
    found[:] = np.frombuffer(raw, np.float32)
    return found
