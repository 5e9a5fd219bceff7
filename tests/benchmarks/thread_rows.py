"""One rank on two threads, as with spark.task.cpus=2, beside the same rank on one and beside two ranks, in whole fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from spark_deepnet.layers import Dense
from tests.benchmarks.fits import Network, spent, timed
from tests.benchmarks.harness import Row, paired_row
from tests.benchmarks.networks.table import NETWORKS

TURNS = 5
TARGET = 0.6
STEPS = {"LeNet": 20, "CIFAR-10 quick": 8, "LSTM 28x28-128": 20}
"""Of an epoch."""


def networks() -> dict[str, Network]:
    made = {name: Network(tuple(NETWORKS[name].layers), NETWORKS[name].shape, steps) for name, steps in STEPS.items()}
    return made | {"MLP 784-512-512-10": Network((Dense(512, "relu"), Dense(512, "relu"), Dense(10)), (784,), 60)}


def thread_row(name: str, title: str, ranks: int) -> Row:
    """A step of a batch of 128 rows; beside two ranks the batch is divided, and their exchange counts."""
    network = networks()[name]
    ours, peer = replace(network.plan(1), threads=2), network.plan(ranks)
    times = [(timed(network, ours), timed(network, peer)) for _ in range(TURNS)]
    two, other = zip(*times, strict=True)
    beside = "1 thread" if ranks == 1 else "2 ranks, 1 thread each"
    made = paired_row(title, "ms", two, other, beside, TARGET if ranks == 1 else 1.0, 1e3)
    return made if ranks == 1 else made | {"note": f"of two: {split(spent(network, peer))}"}


def split(seconds: dict[str, float]) -> str:
    return ", ".join(f"{what} {1e3 * each:.1f} ms" for what, each in seconds.items())


def benches(name: str) -> dict[str, Callable[[], Row]]:
    titles = {f"threads {name}, beside one": 1, f"threads {name}, beside ranks": 2}
    return {title: partial(thread_row, name, title, ranks) for title, ranks in titles.items()}


BENCHES: dict[str, Callable[[], Row]] = {title: bench for name in networks() for title, bench in benches(name).items()}
