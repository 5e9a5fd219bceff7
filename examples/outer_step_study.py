"""Whether momentum between averages pays (SlowMo, Wang et al., arXiv 1910.00643): test errors after the same local steps,
beside the plain mean. Each side has the learning rate that is best for it on rows held out.

python examples/outer_step_study.py                # a small network on scikit-learn's digits, in seconds
python examples/outer_step_study.py --data DIR     # 784-128-64-10 on 20,000 of MNIST's rows, idx files in DIR: minutes
    --net cnn                                      # or another network
    --seeds 5 --sizes 4 8 --taus 10 50 200         # more seeds, other numbers of replicas and of steps between means
    --rates 0.02                                   # one learning rate for both sides
    --out outer.csv                                # runs are kept there, and those that are already there are skipped

docs/sparknet_study.md has the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from example_data import digits, mnist
from sparknet_replicas import Replicas, recipe_of, table_of
from study_rows import Row, keep, kept

from spark_deepnet.data.table import Table
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D, Rescaling, Reshape

MOMENTUM = {"kind": "momentum", "momentum": 0.9}
PLAIN, OUTER = 0.0, 0.5
"""syncMomentum; syncRate is 1."""
TUNED_BY = 2
"""Seeds that choose a side's learning rate."""
Errors = Callable[[float, int], tuple[float, float]]
"""Of a learning rate and a seed: in % on the rows held out and on those for the test."""


@dataclass(frozen=True)
class Study:
    """A network and its rows, and the runs of it that were made."""

    net: str
    layers: tuple[Any, ...]
    train: tuple[np.ndarray, np.ndarray]
    held_out: Table
    test: Table
    batch: int
    steps: int
    """Local steps of each replica."""
    rates: tuple[float, ...] = (0.01, 0.02, 0.04, 0.08, 0.16)
    out: Path | None = None
    rows: list[Row] = field(default_factory=list)

    def errors(self, size: int, tau: int, outer: float, rate: float, seed: int) -> tuple[float, float]:
        """On the rows held out and on those for the test."""
        run: Row = {"net": self.net, "replicas": size, "tau": tau, "momentum": outer, "rate": rate, "seed": seed}
        for row in self.rows:
            if all(row[name] == str(value) for name, value in run.items()):
                return float(row["held_out"]), float(row["test"])
        held_out, test = (round(error, 3) for error in self._run(size, tau, outer, rate, seed))
        run |= {"held_out": held_out, "test": test}
        self.rows.append({name: str(value) for name, value in run.items()})
        keep(self.out, [run])
        return held_out, test

    def _run(self, size: int, tau: int, outer: float, rate: float, seed: int) -> tuple[float, float]:
        images, labels = self.train
        settings = {"batch_size": self.batch, "epochs": 1, "seed": seed, "sync_every": tau, "sync_momentum": outer}
        recipe = recipe_of(self.layers, (*images.shape[1:], 1), MOMENTUM, rate, **settings)
        parts = np.array_split(np.random.default_rng(seed).permutation(len(images)), size)
        replicas = Replicas(recipe, [table_of(images[part], labels[part]) for part in parts])
        with np.errstate(over="ignore", invalid="ignore"):  # of rates that are too high
            while replicas.iterations < self.steps:
                replicas.round(tau)
            held_out, test = (100 * (1 - replicas.evaluate(table)[1]) for table in (self.held_out, self.test))
        replicas.close()
        return held_out, test


def small() -> Study:
    images, labels, test_images, test_labels = digits()
    test, held_out = (table_of(test_images[k::2], test_labels[k::2]) for k in (0, 1))
    layers = (Rescaling(1 / 255), Flatten(), Dense(32, "relu"), Dense(10))
    return Study("small", layers, (images, labels), held_out, test, batch=8, steps=100)


def mlp(folder: Path) -> Study:
    layers = (Rescaling(1 / 255), Flatten(), Dense(128, "relu"), Dense(64, "relu"), Dense(10))
    return Study("mlp", layers, *parts_of(folder), batch=32, steps=800)


def cnn(folder: Path) -> Study:
    layers = (Rescaling(1 / 255), Conv2D(8, 5, activation="relu"), MaxPool2D(2, 2), Conv2D(8, 5, activation="relu"),
              MaxPool2D(2, 2), Flatten(), Dense(10))  # fmt: skip
    return Study("cnn", layers, *parts_of(folder), batch=16, steps=800)


def lstm(folder: Path) -> Study:
    """Reads an image row by row."""
    layers = (Rescaling(1 / 255), Reshape((28, 28)), LSTM(32), Dense(10))
    return Study("lstm", layers, *parts_of(folder), batch=16, steps=800, rates=(0.04, 0.08, 0.16, 0.32, 0.64))


def parts_of(folder: Path) -> tuple[tuple[np.ndarray, np.ndarray], Table, Table]:
    """Of MNIST: rows to train on, held out, and for the test."""
    images, labels, test_images, test_labels = mnist(folder)
    held_out, test = table_of(images[20000:24000], labels[20000:24000]), table_of(test_images, test_labels)
    return (images[:20000], labels[:20000]), held_out, test


NETS: dict[str, Callable[[Path], Study]] = {"mlp": mlp, "cnn": cnn, "lstm": lstm}


def tuned(run: Errors, rates: Sequence[float], seeds: int) -> tuple[float, np.ndarray]:
    """The learning rate with the lowest mean error on the rows held out, and its test errors by seed."""
    best = min(rates, key=lambda rate: np.mean([run(rate, seed)[0] for seed in range(min(seeds, TUNED_BY))]))
    return best, np.array([run(best, seed)[1] for seed in range(seeds)])


def table(study: Study, sizes: Sequence[int], taus: Sequence[int], seeds: int) -> Iterator[str]:
    """Lines: means and standard deviations over the seeds."""
    yield "| network | K | tau | plain mean | syncMomentum 0.5 | difference |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for size, tau in product(sizes, taus):
        sides = [tuned(partial(study.errors, size, tau, outer), study.rates, seeds) for outer in (PLAIN, OUTER)]
        cells = [f"{spread(errors)} at {rate}" for rate, errors in sides]
        yield f"| {study.net} | {size} | {tau} | {' | '.join(cells)} | {spread(sides[1][1] - sides[0][1])} |"


def spread(numbers: np.ndarray) -> str:
    return f"{numbers.mean():.2f} ± {numbers.std(ddof=len(numbers) > 1):.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of MNIST's idx files; without it, scikit-learn's digits")
    parser.add_argument("--net", choices=NETS, default="mlp", help="what is trained on --data")
    parser.add_argument("--out", type=Path, help="a CSV file of the runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4])
    parser.add_argument("--taus", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--rates", type=float, nargs="+")
    options = parser.parse_args()
    if options.net != "mlp" and options.data is None:
        parser.error(f"--net {options.net} is trained on MNIST: give --data")
    study = NETS[options.net](options.data) if options.data else small()
    study = replace(study, out=options.out, rows=kept(options.out), rates=tuple(options.rates or study.rates))
    for line in table(study, options.sizes, options.taus, options.seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
