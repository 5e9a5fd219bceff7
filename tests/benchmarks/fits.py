"""Fits of a plan by ranks in processes of their own over the loopback, on rows drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import LABEL, Columns, Source, Target
from spark_deepnet.layers.layer import Layer
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train import rank
from spark_deepnet.train.messages import Measures, decode
from spark_deepnet.train.state import clock_of
from tests.benchmarks.processes import LOOPBACK, AllGather, apart

BATCH, CLASSES = 128, 10


@dataclass(frozen=True)
class Network:
    """What is fitted, and for how long."""

    layers: tuple[Any, ...]
    shape: tuple[int, ...]
    steps: int = 30
    """Of an epoch."""
    epochs: int = 6

    def plan(self, workers: int, tau: int = 1, blocks: int = 1) -> TrainPlan:
        told = tuple(Layer.of(layer).to_json() for layer in self.layers)
        architecture = Architecture(told, (InputSpec(self.shape),), "softmax_cross_entropy")
        recipe = Recipe(architecture, "momentum", "constant", 0.01, BATCH, self.epochs, 1, sync_every=tau)
        columns = Columns((Source(self.shape),), (Target(LABEL, classes=CLASSES),))
        plan = TrainPlan(recipe, columns, workers, "bench", b"ranks of a benchmark", blocks)
        return replace(plan, job_seconds=float("inf"))

    def frames(self, plan: TrainPlan, number: int) -> list[pd.DataFrame]:
        """One rank's rows: all ranks together have so many steps an epoch."""
        chance, (source,) = np.random.default_rng(number), plan.columns.sources
        batches = plan.grid.replicas if plan.recipe.sync_every > 1 else 1
        n = self.steps * batches * BATCH // plan.workers
        x = chance.random((n, source.width), np.float32)
        return [pd.DataFrame({"features x": list(x), LABEL: chance.integers(0, CLASSES, n).astype(float)})]


def timed(network: Network, plan: TrainPlan) -> float:
    """Seconds of a step: of the median epoch."""
    clock, _ = fitted(network, plan)
    return median(epoch["seconds"] for epoch in clock["history"][1:]) * len(clock["history"]) / clock["count"]


def sent(network: Network, plan: TrainPlan) -> float:
    """Bytes that rank 0 sends in a step: what a fit of two epochs sends more than one of one."""
    (one, two) = (fitted(network, replace(plan, recipe=replace(plan.recipe, epochs=n))) for n in (1, 2))
    return (two[1].bytesSent - one[1].bytesSent) / (two[0]["count"] - one[0]["count"])


def spent(network: Network, plan: TrainPlan) -> dict[str, float]:
    """Seconds of a step of rank 0 by what they went into, the first steps included."""
    clock, measures = fitted(network, plan)
    return {what: measures.seconds[what] / clock["count"] for what in ("computing", "exchanging", "waiting")}


def fitted(network: Network, plan: TrainPlan) -> tuple[dict[str, Any], Measures]:
    """The clock at the end, and what rank 0 measured."""
    found: tuple[dict[str, Any], Measures] = apart(plan.workers, partial(_rank, network, plan))
    return found


def _rank(network: Network, plan: TrainPlan, number: int, all_gather: AllGather) -> tuple[dict[str, Any], Measures]:
    context = rank.RankContext(number, plan.workers, LOOPBACK, all_gather)
    told = pd.concat(list(rank.run(plan, network.frames(plan, number), context)))
    messages = decode(told.to_dict("records"))
    clock = clock_of(messages) if number == 0 else {}
    return clock, next(message for message in messages if isinstance(message, Measures))
