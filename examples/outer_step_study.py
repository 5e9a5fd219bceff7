"""Whether momentum between averages pays (SlowMo, Wang et al., arXiv 1910.00643): test errors after the same local steps,
beside the plain mean. Each side has the learning rate that is best for it on rows held out.

python examples/outer_step_study.py                # scikit-learn's digits, in seconds
python examples/outer_step_study.py --data DIR     # 784-128-64-10 on 20,000 of MNIST's rows, idx files in DIR: minutes
    --seeds 5 --sizes 4 8 --taus 10 50             # more seeds, other numbers of replicas and of steps between means
    --rates 0.02                                   # one learning rate for both sides

docs/sparknet_study.md has the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from example_data import digits, mnist
from sparknet_replicas import Replicas, recipe_of, table_of

from spark_deepnet.data.table import Table
from spark_deepnet.layers import Dense, Flatten, Rescaling

MOMENTUM = {"kind": "momentum", "momentum": 0.9}
PLAIN, OUTER = (0.0, 1.0), (0.5, 1.0)
"""syncMomentum and syncRate."""
RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
Errors = dict[tuple[float, int], tuple[float, float]]
"""Learning rate and seed -> errors in % on the rows held out and on those for the test."""


@dataclass(frozen=True)
class Study:
    """A network and its rows."""

    units: tuple[int, ...]
    train: tuple[np.ndarray, np.ndarray]
    held_out: Table
    test: Table
    batch: int
    steps: int
    """Local steps of each replica."""

    def errors(self, size: int, tau: int, outer: tuple[float, float], rate: float, seed: int) -> tuple[float, float]:
        """On the rows held out and on those for the test."""
        images, labels = self.train
        layers = (Rescaling(1 / 255), Flatten(), *(Dense(units, "relu") for units in self.units), Dense(10))
        settings: dict[str, Any] = {"batch_size": self.batch, "epochs": 1, "seed": seed, "sync_every": tau}
        settings |= {"sync_momentum": outer[0], "sync_rate": outer[1]}
        recipe = recipe_of(layers, (*images.shape[1:], 1), MOMENTUM, rate, **settings)
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
    return Study((32,), (images, labels), held_out, test, 8, 100)


def large(folder: Path) -> Study:
    images, labels, test_images, test_labels = mnist(folder)
    held_out, test = table_of(images[20000:24000], labels[20000:24000]), table_of(test_images, test_labels)
    return Study((128, 64), (images[:20000], labels[:20000]), held_out, test, 32, 800)


def tuned(errors: Errors) -> tuple[float, np.ndarray]:
    """The learning rate with the lowest mean error on the rows held out, and its test errors by seed."""
    rates, seeds = (sorted({key[place] for key in errors}) for place in (0, 1))
    best = min(rates, key=lambda rate: np.mean([errors[rate, int(seed)][0] for seed in seeds]))
    return best, np.array([errors[best, int(seed)][1] for seed in seeds])


def table(
    study: Study, sizes: Sequence[int], taus: Sequence[int], seeds: int, rates: Sequence[float] = RATES
) -> Iterator[str]:
    """Lines: means and standard deviations over the seeds."""
    yield "| K | tau | plain mean | syncMomentum 0.5 | difference |"
    yield "| --- | --- | --- | --- | --- |"
    for size, tau in product(sizes, taus):
        sides = [
            tuned({key: study.errors(size, tau, outer, *key) for key in product(rates, range(seeds))})
            for outer in (PLAIN, OUTER)
        ]
        cells = [f"{spread(errors)} at {rate}" for rate, errors in sides]
        yield f"| {size} | {tau} | {' | '.join(cells)} | {spread(sides[1][1] - sides[0][1])} |"


def spread(numbers: np.ndarray) -> str:
    return f"{numbers.mean():.2f} ± {numbers.std(ddof=len(numbers) > 1):.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of MNIST's idx files; without it, scikit-learn's digits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4])
    parser.add_argument("--taus", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    options = parser.parse_args()
    study = large(options.data) if options.data else small()
    for line in table(study, options.sizes, options.taus, options.seeds, options.rates):
        print(line, flush=True)


if __name__ == "__main__":
    main()
