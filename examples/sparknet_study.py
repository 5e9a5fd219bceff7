"""SparkNet's study (Moritz et al., arXiv 1511.06051): how many steps K replicas, averaged every tau steps, take to an
accuracy. The replicas actually run, one after another in this process.

python examples/sparknet_study.py                          # scikit-learn's digits, a small grid, in seconds
python examples/sparknet_study.py --data DIR --out OUT     # LeNet on MNIST's idx files in DIR: ten minutes of a core a seed
    --net cifar10                                          # instead: CIFAR-10 quick, on CIFAR-10 in DIR: ten minutes a seed
    --batch 64 --sizes 1 5 --taus 10                       # parts of it, other batches
    --states                                               # instead: the optimizer's state in averaging
    --seconds                                              # instead: a step and an exchange, in fits with Spark
    --draw --pictures DIR                                  # instead: tables of what is in OUT, and figures into DIR

Counts are written to CSV files in OUT; runs that are already there are skipped. docs/sparknet_study.md has the results.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from cifar10 import cifar10, quick
from example_data import digits, mnist
from sparknet_figures import draw
from sparknet_replicas import Replicas, recipe_of, table_of
from sparknet_seconds import measured
from sparknet_speedups import by_seed, ratios_of, tell, tell_batches, tell_seconds, tell_states
from study_rows import Row, keep, kept

from spark_deepnet.data.table import Table
from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D, RandomCrop, RandomFlip, Rescaling, ZeroPadding2D

MOMENTUM = {"kind": "momentum", "momentum": 0.9}
STATES = ("average", "keep", "reset")
TARGET, BATCH = 0.96, 16
FILES = ("sparknet_counts.csv", "sparknet_states.csv", "sparknet_seconds.csv")


@dataclass(frozen=True)
class Study:
    """A network, its rows, its training settings, and the grid."""

    layers: tuple[Any, ...]
    train: tuple[np.ndarray, np.ndarray]
    """Images and labels."""
    test: tuple[np.ndarray, np.ndarray]
    batch: int
    rate: float
    sizes: tuple[int, ...]
    """K"""
    taus: tuple[int, ...]
    target: float
    every: int
    """Iterations between two evaluations, or tau where that is more."""
    l2: float = 0.0
    limit: int = 1500
    """Iterations after which a run ends without the target."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels of an image."""
        images = self.train[0]
        return images.shape[1:] if images.ndim == 4 else (*images.shape[1:], 1)

    @cached_property
    def held_out(self) -> Table:
        """The rows on which accuracy is measured."""
        return table_of(*self.test)

    def started(self, size: int, seed: int, **recipe: Any) -> Replicas:
        """``size`` replicas, with the training rows distributed by seed."""
        images, labels = self.train
        settings = {"batch_size": self.batch, "l2": self.l2, "sync_state": "keep"}
        made = recipe_of(self.layers, self.shape, MOMENTUM, self.rate, epochs=1, seed=seed, **settings)
        parts = np.array_split(np.random.default_rng(seed).permutation(len(images)), size)
        return Replicas(replace(made, **recipe), [table_of(images[part], labels[part]) for part in parts])


def small() -> Study:
    images, labels, test_images, test_labels = digits()
    layers = (Rescaling(1 / 255), Flatten(), Dense(32, "relu"), Dense(10))
    test = test_images, test_labels
    return Study(layers, (images, labels), test, 8, 0.02, (1, 2, 4), (1, 5, 20), target=0.93, every=5)


def lenet(folder: Path) -> Study:
    """As in Caffe's files, but with batches of 16 instead of 64, and a constant learning rate, while Caffe's falls by 4
    % in 500 iterations."""
    images, labels, test_images, test_labels = mnist(folder)
    layers = (
        Rescaling(1 / 256), Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(),
        Dense(500, "relu"), Dense(10),
    )  # fmt: skip
    test = test_images[::5], test_labels[::5]
    sizes, taus = (1, 2, 3, 5, 10), (1, 2, 5, 10, 20, 50, 100)
    return Study(layers, (images, labels), test, BATCH, 0.01, sizes, taus, TARGET, every=20, l2=0.0005)


def cifar(folder: Path) -> Study:
    """CIFAR-10 quick, without the random crops and flips of a longer training; the target is read off few evaluations, which
    take as long as a hundred steps."""
    images, labels, test_images, test_labels = cifar10(folder)
    random = (ZeroPadding2D, RandomCrop, RandomFlip)
    layers = tuple(layer for layer in quick(images.mean((0, 1, 2))) if not isinstance(layer, random))
    scores = (*layers[:-1], Dense(10))
    test = test_images[:2000], test_labels[:2000]
    return Study(scores, (images, labels), test, BATCH, 0.0025, (1, 2, 4, 6), (1, 10, 50, 100), target=0.45, every=50)


STUDIES = {"lenet": lenet, "cifar10": cifar}


def curve(study: Study, size: int, tau: int, seed: int) -> Iterator[Row]:
    """The accuracy by iterations, until it reaches the target."""
    replicas, accuracy = study.started(size, seed), 0.0
    while accuracy < study.target and replicas.iterations < study.limit:
        for _ in range(max(1, study.every // tau)):
            replicas.round(tau)
        _, accuracy = replicas.evaluate(study.held_out)
        yield {"iterations": replicas.iterations, "accuracy": round(accuracy, 4)}
    replicas.close()


def run_grid(study: Study, seeds: int, path: Path | None) -> list[Row]:
    """A single replica has nothing to average, whatever tau."""
    rows = kept(path)
    done = {tuple(int(row[name]) for name in ("batch", "replicas", "tau", "seed")) for row in rows}
    cells = [(size, tau, seed) for seed in range(seeds) for size in study.sizes for tau in study.taus]
    for size, tau, seed in cells:
        cell = {"batch": study.batch, "replicas": size, "tau": tau if size > 1 else 1, "seed": seed}
        if tuple(cell.values()) in done:
            continue
        done.add(tuple(cell.values()))
        start = time.perf_counter()
        new_rows = [cell | row for row in curve(study, size, cell["tau"], seed)]
        rows += new_rows
        keep(path, new_rows)
        print(
            *(f"{name} {value}" for name, value in new_rows[-1].items()),
            f"in {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return of_batch(rows, study.batch)


def of_batch(rows: list[Row], batch: int) -> list[Row]:
    return [row for row in rows if int(row["batch"]) == batch]


def run_states(study: Study, seeds: int, path: Path | None) -> list[Row]:
    """Loss and accuracy after as many rows, for each way to treat the optimizer's vectors."""
    rows = kept(path)
    done = {tuple(row.values())[:5] for row in rows}
    solvers, sizes = ((MOMENTUM, 0.01), ({"kind": "adam"}, 0.001)), ((2, 500), (5, 200))
    for seed, (optimizer, rate), (size, steps), tau, state in product(range(seeds), solvers, sizes, (10, 50), STATES):
        cell = {"optimizer": optimizer["kind"], "replicas": size, "tau": tau, "state": state, "seed": seed}
        if tuple(map(str, cell.values())) in done:
            continue
        replicas = study.started(size, seed, optimizer=optimizer, learning_rate=rate, sync_state=state)
        while replicas.iterations < steps:
            replicas.round(tau)
        loss, accuracy = replicas.evaluate(study.held_out)
        replicas.close()
        rows.append(cell | {"loss": round(loss, 5), "accuracy": round(accuracy, 4)})
        keep(path, rows[-1:])
        print(*rows[-1].values(), flush=True)
    return rows


def show(folder: Path, pictures: Path, target: float) -> None:
    """Tables and figures from the files in the folder."""
    counts, states, seconds = (kept(folder / name) for name in FILES)
    main = of_batch(counts, BATCH)
    draw(by_seed(main, target), {name: ratio for name, _, ratio in ratios_of(seconds)[1:]}, pictures)
    print(tell(main, target), tell_batches(counts, target), tell_states(states), tell_seconds(seconds), sep="\n\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="a folder with MNIST's idx files, or CIFAR-10")
    arguments.add_argument("--net", choices=STUDIES, default="lenet", help="what is trained on --data")
    arguments.add_argument("--out", type=Path, help="a folder for counts")
    arguments.add_argument("--pictures", type=Path, help="a folder for figures; where it is not given, --out")
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--batch", type=int, help="rows of a replica's step")
    arguments.add_argument("--sizes", type=int, nargs="+", help="K, beside 1")
    arguments.add_argument("--taus", type=int, nargs="+")
    arguments.add_argument("--target", type=float, default=TARGET, help="the accuracy that --draw reads off the curves")
    for what in ("states", "seconds", "draw"):
        arguments.add_argument(f"--{what}", action="store_true")
    options = arguments.parse_args()
    counts, states, seconds = (options.out and options.out / name for name in FILES)
    if options.draw:
        if options.out is None:
            arguments.error("--draw reads the counts in --out: give the folder, such as examples/sparknet")
        show(options.out, options.pictures or options.out, options.target)
        return
    study = STUDIES[options.net](options.data) if options.data else small()
    chosen = {name: getattr(options, name) for name in ("batch", "sizes", "taus") if getattr(options, name)}
    study = replace(study, **chosen)
    study = replace(study, sizes=tuple(sorted({1, *study.sizes})))
    if options.states:
        print(tell_states(run_states(study, options.seeds, states)))
    elif options.seconds:
        keep(seconds, [measured(*study.train, study.shape, study.layers, study.batch)])
        print(tell_seconds(kept(seconds)))
    else:
        print(tell(run_grid(study, options.seeds, counts), study.target))


if __name__ == "__main__":
    main()
