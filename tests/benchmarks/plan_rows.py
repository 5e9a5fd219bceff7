"""What a plan foretells of a step beside what it then takes, of ranks in processes of their own over the loopback."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D
from spark_deepnet.layers.layer import Layer
from spark_deepnet.plan.architecture import Architecture, Entry
from spark_deepnet.plan.cost import Link
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.rows.columns import LABEL, Columns, Source, Target
from spark_deepnet.spark.explain import forecast
from spark_deepnet.train import rank
from tests.benchmarks.harness import Row, row

BATCH, CLASSES, EPOCHS, STEPS = 128, 10, 6, 30
LOOPBACK = "127.0.0.1"
NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "784-512-512-10": ([Dense(512, "relu"), Dense(512, "relu"), Dense(CLASSES)], (784,)),
    "LeNet": (
        [Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(), Dense(500, "relu"), Dense(CLASSES)],
        (28, 28, 1),
    ),
}
RUNS = [(network, workers, tau) for network in NETWORKS for workers, tau in ((1, 1), (2, 1), (2, 10))]


def plan_of(network: str, workers: int, tau: int) -> TrainPlan:
    layers, shape = NETWORKS[network]
    told = tuple(Layer.of(layer).to_json() for layer in layers)
    recipe = Recipe(
        Architecture(told, (Entry(shape),), "softmax_cross_entropy"), "momentum", "constant", 0.01, BATCH, EPOCHS, 1
    )
    columns = Columns((Source(shape),), (Target(LABEL, classes=CLASSES),))
    plan = TrainPlan(replace(recipe, sync_every=tau), columns, workers, "bench", b"two ranks of a benchmark")
    return replace(plan, job_seconds=float("inf"))


def frames(plan: TrainPlan, number: int) -> list[pd.DataFrame]:
    """One rank's rows: all ranks together have STEPS steps an epoch."""
    chance, (source,) = np.random.default_rng(number), plan.columns.sources
    n = STEPS * BATCH // (1 if plan.recipe.sync_every > 1 else plan.workers)
    x = chance.random((n, source.width), np.float32)
    return [pd.DataFrame({"features x": list(x), LABEL: chance.integers(0, CLASSES, n).astype(float)})]


def timed(plan: TrainPlan) -> float:
    """Seconds of a step: of the median epoch."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(plan.workers)]
    ranks = [context.Process(target=_rank, args=(plan, i, pipes[i][1]), daemon=True) for i in range(plan.workers)]
    for process, (_, there) in zip(ranks, pipes, strict=True):
        process.start()
        there.close()  # so that a rank that dies is an EOFError here
    if plan.workers > 1:
        places = [here.recv() for here, _ in pipes]
        for here, _ in pipes:
            here.send(places)
    clock = pipes[0][0].recv()
    for process in ranks:
        process.join()
    return median(epoch["seconds"] for epoch in clock["history"][1:]) * len(clock["history"]) / clock["count"]


def _rank(plan: TrainPlan, number: int, parent: Connection) -> None:
    def all_gather(text: str) -> list[str]:
        parent.send(text)
        return parent.recv()  # type: ignore[no-any-return]

    told = pd.concat(list(rank.run(plan, frames(plan, number), rank.Seat(number, plan.workers, LOOPBACK, all_gather))))
    if number == 0:
        parent.send(json.loads(told.data[(told.kind == rank.STATE) & (told.part == 0)].item()))


def bench(network: str, workers: int, tau: int) -> Row:
    """How many times too long or too short. Foretold before and after, so that a machine that slows down meanwhile is
    not held against the plan."""
    plan = plan_of(network, workers, tau)
    before, found, after = forecast(plan, Link()), timed(plan), forecast(plan, Link())
    foretold = (before.stepSeconds + after.stepSeconds) / 2
    words = f"foretold {1e3 * foretold:.2f} ms, timed {1e3 * found:.2f} ms"
    return row(name_of(network, workers, tau), "x", max(foretold / found, found / foretold), 1.0, words, 1.2)


def name_of(network: str, workers: int, tau: int) -> str:
    return f"plan {network}, {workers} of 2 cores, syncEvery={tau}"


BENCHES: dict[str, Callable[[], Row]] = {name_of(*run): partial(bench, *run) for run in RUNS}
