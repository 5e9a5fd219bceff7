"""What a plan predicts of a step beside what it then takes, of ranks in processes of their own over the loopback."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from spark_deepnet.forecast.cost import Link
from spark_deepnet.forecast.explain import forecast
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D
from spark_deepnet.plan.plan import TrainPlan
from tests.benchmarks.fits import CLASSES, Network, timed
from tests.benchmarks.harness import Row, row

MAPS = (Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2))
NETWORKS = {
    "784-512-512-10": Network((Dense(512, "relu"), Dense(512, "relu"), Dense(CLASSES)), (784,)),
    "784-4096-4096-10": Network((Dense(4096, "relu"), Dense(4096, "relu"), Dense(CLASSES)), (784,), 10, 4),
    "LSTM 28x28-128": Network((LSTM(128), Dense(CLASSES)), (28, 28)),
    "LeNet": Network((*MAPS, Flatten(), Dense(500, "relu"), Dense(CLASSES)), (28, 28, 1)),
}
RUNS = [(network, workers, tau) for network in NETWORKS for workers, tau in ((1, 1), (2, 1), (2, 10))]


def bench(network: str, workers: int, tau: int) -> Row:
    plan = NETWORKS[network].plan(workers, tau)
    return predicted(name_of(network, workers, tau), NETWORKS[network], plan)


def predicted(name: str, network: Network, plan: TrainPlan) -> Row:
    """How many times too long or too short. Predicted before and after, so that a machine that slows down meanwhile is
    not held against the plan."""
    before, found, after = forecast(plan, Link()), timed(network, plan), forecast(plan, Link())
    seconds = (before.stepSeconds + after.stepSeconds) / 2
    words = f"predicted {1e3 * seconds:.2f} ms, timed {1e3 * found:.2f} ms"
    return row(name, "x", max(seconds / found, found / seconds), 1.0, words, 1.15)


def name_of(network: str, workers: int, tau: int) -> str:
    return f"plan {network}, syncEvery={tau}, {workers} of 2 cores"


BENCHES: dict[str, Callable[[], Row]] = {name_of(*run): partial(bench, *run) for run in RUNS}
