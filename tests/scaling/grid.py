"""What is computed: networks of three sizes, tables of three sizes, replicas or blocks, links."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spark_deepnet.data.schema import BYTES, STEPS, Source
from spark_deepnet.forecast.cost import Costs, Link
from spark_deepnet.forecast.probe import probe
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D, Rescaling, SimpleRNN
from spark_deepnet.plan.automatic import batch_for
from spark_deepnet.plan.plan import TrainPlan
from tests.train.real import Task

RANKS = (1, 2, 4, 8, 16)
ROWS = (1_000, 10_000, 100_000)
LINKS = {"10 Gbit/s": Link(), "1 Gbit/s": Link(100e-6, 1.2e8)}


def fc(size: int) -> list[Any]:
    return [Rescaling(1 / 255), Dense(size, "relu"), Dense(size, "relu"), Dense(10)]


def cnn(size: int) -> list[Any]:
    maps = [
        Conv2D(size, 5, activation="relu"),
        MaxPool2D(2, 2),
        Conv2D(2 * size, 5, activation="relu"),
        MaxPool2D(2, 2),
    ]
    return [Rescaling(1 / 255), *maps, Flatten(), Dense(10 * size, "relu"), Dense(10)]


def rnn(size: int) -> list[Any]:
    return [Rescaling(1 / 255), SimpleRNN(size), Dense(10)]


def lstm(size: int) -> list[Any]:
    return [LSTM(size), Dense(9)]


@dataclass(frozen=True)
class Network:
    """A kind of network in three sizes."""

    layers: Callable[[int], list[Any]]
    sizes: tuple[int, int, int]
    source: Source
    classes: int
    what: str

    def plan(self, size: int, batch: int, blocks: int = 1) -> TrainPlan:
        recipe = {"validated": False, "batch_size": batch}
        return Task(tuple(self.layers(size)), self.source, self.classes, list, recipe).plan(blocks)  # type: ignore[arg-type]


NETWORKS = {
    "FC": Network(fc, (128, 512, 2048), Source((784,), kind=BYTES), 10, "784-n-n-10, pixels of MNIST"),
    "CNN": Network(cnn, (16, 32, 64), Source((28, 28, 1), kind=BYTES), 10, "LeNet with n and 2 n filters, 10 n units"),
    "RNN": Network(rnn, (64, 128, 512), Source((28, 28), kind=BYTES), 10, "n units over 28 rows of 28 pixels"),
    "LSTM": Network(lstm, (64, 128, 512), Source((29, 12), kind=STEPS), 9, "n units over 29 steps of 12 numbers"),
}


@dataclass(frozen=True)
class Cell:
    """The speedup of one way to divide one network over ranks, over one rank."""

    network: str
    parameters: int
    rows: int
    batch: int
    way: str
    link: str
    ranks: int
    speedup: float
    bytes_a_step: float


def cells(name: str) -> Iterator[Cell]:
    """Of a network: its steps are timed on one rank, whole and in blocks; exchanges are modelled."""
    network = NETWORKS[name]
    for size in network.sizes:
        for rows in ROWS:
            batch = batch_for(rows)
            whole = network.plan(size, batch)
            parameters = whole.recipe.scores_net().layout.count
            by_blocks = {m: probe(network.plan(size, batch, m)) for m in RANKS if m > 1}
            measured = probe(whole)
            for label, link in LINKS.items():
                costs = measured.costs(batch, link, rows)
                one = costs.rows_per_second(1, 1)
                for ranks in RANKS:
                    row = (name, parameters, rows, batch)
                    yield Cell(*row, "data", label, ranks, costs.speedup(ranks, 1), costs.exchanged(ranks, 1)[1])
                    if ranks > 1:
                        blocks: Costs = by_blocks[ranks].costs(batch, link, rows)
                        speedup = blocks.rows_per_second(1, 1) / one
                        yield Cell(*row, "model", label, ranks, speedup, blocks.exchanged(1, 1)[1])
