"""Fits without Spark: ranks as threads, each with the frames that it is dealt, job after job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import Columns, Target
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.chunks import arrays_of
from spark_deepnet.net.pieces import assembled
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train import rank
from spark_deepnet.train.inbox import STATE_COLUMNS
from spark_deepnet.train.messages import Measures, Message, StateChunk, WeightsChunk, decode, raise_worker_error
from spark_deepnet.train.state import clock_of
from tests.data.frames import sources
from tests.exchange.ranks import HERE, SECRET, Meeting

N, WIDTH, CLASSES = 60, 4, 3


@dataclass(frozen=True)
class Rows:
    """What is fitted: n rows with labels that the features tell, mostly."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    validation: np.ndarray

    @staticmethod
    def drawn(n: int = N, seed: int = 0) -> Rows:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, WIDTH)).astype(np.float32)
        y = (x @ rng.normal(size=(WIDTH, CLASSES)) + rng.gumbel(size=(n, CLASSES)) / 2).argmax(1).astype(np.float64)
        return Rows(x, y, rng.integers(0, 4, n).astype(np.float32), np.arange(n) % 4 == 3)

    def __len__(self) -> int:
        return len(self.y)

    def frame(self, index: Any = slice(None)) -> pd.DataFrame:
        columns = {"label": self.y[index], "weight": self.weights[index], "validation": self.validation[index]}
        return pd.DataFrame({"features x": list(self.x[index])} | columns)

    def dealt(self, *shares: int) -> list[list[pd.DataFrame]]:
        """The frames of each rank: so many rows each, in an order of their own, in two frames."""
        order = np.random.default_rng(sum(shares) + len(shares)).permutation(len(self))
        assert sum(shares) == len(self)
        parts = np.split(order, np.cumsum(shares)[:-1])
        return [[self.frame(part[: len(part) // 3]), self.frame(part[len(part) // 3 :])] for part in parts]


def plan_of(
    layers: Any = (),
    loss: str = "softmax_cross_entropy",
    weighted: bool = False,
    columns: Any = None,
    entries: tuple[InputSpec, ...] = (InputSpec((WIDTH,)),),
    **recipe: Any,
) -> TrainPlan:
    """The plan of a fit of a small network by plain gradient descent over all rows at once."""
    told = layers or ({"kind": "dense", "units": 5, "activation": "tanh"}, {"kind": "dense", "units": CLASSES})
    made = Recipe(
        architecture=Architecture(
            tuple(layer if isinstance(layer, Layer) else Layer.of(layer).to_json() for layer in told),
            entries,
            Loss.of(loss).to_json(),
        ),
        **{
            "optimizer": "sgd",
            "schedule": "constant",
            "learning_rate": 0.5,
            "batch_size": 1000,
            "epochs": 5,
            "seed": 7,
        }
        | recipe,
    )
    validation = "v" if made.validated else None
    weight = "w" if weighted else None
    told = columns or {}
    found = Columns(told.get("sources", sources(WIDTH, "f")), told.get("targets", ()), weight, validation)
    if "targets" not in told:
        one = {name: value for name, value in told.items() if name != "sources"}
        found = replace(found, targets=(Target(**{"label": "y", "classes": CLASSES} | one),))
    return TrainPlan(made, found, 1, "", SECRET, deadline=20.0)


def run_ranks(
    plan: TrainPlan,
    dealt: list[list[pd.DataFrame]],
    world: str = "memory",
    hosts: Sequence[str] = (),
    run: Callable[..., Iterator[pd.DataFrame]] = rank.run,
) -> list[pd.DataFrame]:
    """One job: what every rank yields; hosts: in memory, each rank's; none: one for all; run: what each runs."""
    size = len(dealt)
    plan = replace(plan, workers=size)
    meeting, channels = Meeting(size), memory_channels(size, plan.deadline, hosts)
    found: list[Any] = [None] * size

    def work(number: int) -> None:
        try:
            context = rank.RankContext(number, size, HERE, meeting.all_gather(number))
            found[number] = pd.concat(list(run(plan, iter(dealt[number]), context)), ignore_index=True)
        except BaseException as error:
            found[number] = error
            channels[number].close()

    def in_memory(number: int, *_: Any) -> Any:
        return channels[number]

    with patch.object(rank, "rendezvous", in_memory if world == "memory" else rank.rendezvous):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for value in found:
        if isinstance(value, BaseException):
            raise value
    return found


@dataclass
class Fit:
    """What the jobs of a fit came to."""

    weights: np.ndarray
    clock: dict[str, Any]
    jobs: int
    measures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def history(self) -> list[dict[str, float]]:
        return self.clock["history"]

    def losses(self) -> list[float]:
        return [row["loss"] for row in self.history]


def fit(plan: TrainPlan, dealt: list[list[pd.DataFrame]], world: str = "memory", hosts: Sequence[str] = ()) -> Fit:
    """Job after job, as the driver runs them: the state of the last goes among the rows of the next."""
    frames, jobs, measures = dealt, 0, []
    while True:
        rows = pd.concat(run_ranks(replace(plan, job=f"job {jobs}"), frames, world, hosts), ignore_index=True)
        jobs += 1
        messages = messages_of(rows)
        raise_worker_error(messages)
        measures += [message.summary(jobs) for message in messages if isinstance(message, Measures)]
        chunks = rows[rows.kind == StateChunk.kind]
        clock = clock_of(messages)
        if clock["finished"]:
            weights = [message for message in messages if isinstance(message, WeightsChunk)]
            blocks = [arrays_of(w.chunk for w in weights if w.block == b) for b in range(plan.blocks)]
            return Fit(assembled(plan.recipe.scores_net(), blocks), clock, jobs, measures)
        plan = replace(plan, state_chunks=len(chunks), fingerprint=measures[-1]["fingerprint"])
        frames = [[*own, part] for own, part in zip(dealt, scattered(chunks, len(dealt)), strict=True)]


def scattered(chunks: pd.DataFrame, size: int) -> list[pd.DataFrame]:
    """Chunks of state dealt over ranks, as frames that join the rows."""
    frame = chunks[list(STATE_COLUMNS)]
    return [frame.iloc[number::size] for number in range(size)]


def messages_of(rows: pd.DataFrame) -> list[Message]:
    return decode(rows.to_dict("records"))
