"""Two blocks on two cores beside the whole network on one; and a step in blocks as the plan foretells it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from spark_deepnet.layers import LSTM, Conv2D, Dense, GlobalAveragePool2D
from tests.benchmarks.fits import CLASSES, Network, timed
from tests.benchmarks.harness import Row, row

RATIO = 0.62
TURNS = 2


def conv3(filters: int) -> Conv2D:
    return Conv2D(filters, 3, padding=1, activation="relu")


NETWORKS = {
    "FC 4096-4096-4096": Network((Dense(4096, "relu"), Dense(4096, "relu"), Dense(CLASSES)), (4096,), 10, 3),
    "three 3x3 convolutions": Network(
        (conv3(64), conv3(64), conv3(128), GlobalAveragePool2D(), Dense(CLASSES)), (32, 32, 3), 5, 3
    ),
    "LSTM 28x28-1024": Network((LSTM(1024), Dense(CLASSES)), (28, 28), 5, 3),
}


def bench(name: str) -> Row:
    """In turns, the quickest of each side, so that a busy machine slows neither."""
    network = NETWORKS[name]
    whole, cut = network.plan(1), network.plan(2, blocks=2)
    times = [(timed(network, cut), timed(network, whole)) for _ in range(TURNS)]
    two, one = (min(found) for found in zip(*times, strict=True))
    return row(f"blocks {name}, 2 on 2 cores", "ms", 1e3 * two, 1e3 * one, "the whole on one core", RATIO)


BENCHES: dict[str, Callable[[], Row]] = {f"blocks {name}, 2 on 2 cores": partial(bench, name) for name in NETWORKS}
