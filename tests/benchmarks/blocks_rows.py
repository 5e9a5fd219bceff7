"""Two blocks on two cores beside the whole network on one; and each, with the bytes of a step, as predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from spark_deepnet.forecast.cost import Link
from spark_deepnet.forecast.explain import forecast
from spark_deepnet.layers import LSTM, Conv2D, Dense, GlobalAveragePool2D
from spark_deepnet.plan.plan import TrainPlan
from tests.benchmarks.fits import CLASSES, Network, sent, timed
from tests.benchmarks.harness import Row, paired_row, row

RATIO, NEAR = 0.62, 1.2
TURNS = 3


def conv3(filters: int) -> Conv2D:
    return Conv2D(filters, 3, padding=1, activation="relu")


NETWORKS = {
    "FC 4096-4096-4096": Network((Dense(4096, "relu"), Dense(4096, "relu"), Dense(CLASSES)), (4096,), 10, 3),
    "three 3x3 convolutions": Network(
        (conv3(64), conv3(64), conv3(128), GlobalAveragePool2D(), Dense(CLASSES)), (32, 32, 3), 5, 3
    ),
    "LSTM 28x28-1024": Network((LSTM(1024), Dense(CLASSES)), (28, 28), 5, 3),
}
WIDE = Network((Dense(512, "relu"), Dense(32768)), (512,))
"""Its scores stay cut up to the loss."""
TITLES = [f"blocks {name}" for name in (*NETWORKS, "FC 512-512-32768")]
PARTS = ("2 on 2 cores", "seconds of 2", "seconds of 1", "bytes of 2")
NAMES = [*(f"{title}, {part}" for title in TITLES[:-1] for part in PARTS), f"{TITLES[-1]}, {PARTS[-1]}"]


def rows() -> Iterator[Row]:
    for title, network in zip(TITLES, NETWORKS.values(), strict=False):
        yield from bench(title, network)
    yield bytes_of(TITLES[-1], WIDE, WIDE.plan(2, blocks=2))


def bench(name: str, network: Network) -> Iterator[Row]:
    """A fit of each in turns; the predictions are compared with the quickest ones, on a machine that nothing slows."""
    plans = {2: network.plan(2, blocks=2), 1: network.plan(1)}
    predicted: dict[int, list[float]] = {m: [] for m in plans}
    found: dict[int, list[float]] = {m: [] for m in plans}
    for _ in range(TURNS):
        for m, plan in plans.items():
            predicted[m].append(forecast(plan, Link()).stepSeconds)
            found[m].append(timed(network, plan))
    yield paired_row(f"{name}, 2 on 2 cores", "ms", found[2], found[1], "the whole on one core", RATIO, 1e3)
    for m in plans:
        expected, taken = min(predicted[m]), min(found[m])
        words = f"predicted {1e3 * expected:.1f} ms, timed {1e3 * taken:.1f} ms"
        yield row(f"{name}, seconds of {m}", "x", _apart(expected, taken), 1.0, words, NEAR)
    yield bytes_of(name, network, plans[2])


def bytes_of(name: str, network: Network, plan: TrainPlan) -> Row:
    predicted, found = forecast(plan, Link()).stepBytes, sent(replace(network, steps=2), plan)
    words = f"predicted {predicted:,.0f} bytes, sent {found:,.0f}"
    return row(f"{name}, bytes of 2", "x", _apart(predicted, found), 1.0, words, NEAR)


def _apart(a: float, b: float) -> float:
    """How many times one is the other."""
    return max(a / b, b / a)
