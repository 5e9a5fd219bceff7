"""Whole fits by what their exchange costs: two ranks beside one, and the part of an epoch that exchange takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.harness import Row, paired_row, row
from tests.benchmarks.main_fit_rows import session
from tests.benchmarks.mnist import PLACE, find_mnist

ROWS = 20_000
BATCH = 128
EPOCHS = 2
"""Of a fit; the first is not counted."""
TURNS = 3
TAU = 10
SPEED_UPS = {
    "exchange LeNet epoch, 2 ranks beside 1": (1, 0.53),
    f"exchange LeNet epoch, syncEvery {TAU}": (TAU, 0.51),
}
"""(syncEvery, target)"""
SHARES = {
    "exchange share LeNet, syncEvery 1": ("lenet", 1),
    "exchange share LeNet, syncEvery auto": ("lenet", "auto"),
    "exchange share 4.7 M weights, syncEvery 1": ("wide", 1),
    "exchange share 4.7 M weights, syncEvery auto": ("wide", "auto"),
}
"""(network, syncEvery): the ratio is the share; auto should keep it under a tenth."""
NAMES = [*SPEED_UPS, *SHARES]


def rows() -> Iterator[Row]:
    spark = session()
    try:
        images, labels, *_ = digits()
        df = bytes_frame(spark, images[:ROWS], labels[:ROWS])
        yield from speed_ups(df)
        yield from shares(df)
    finally:
        spark.stop()


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training images, labels, test images, labels): MNIST's, or where it is not found scikit-learn's digits of 8x8,
    blown up to 28x28 and repeated, which take the same time."""
    sys.path.append("examples")
    import example_data

    if (folder := find_mnist()) is not None:
        return example_data.mnist(folder)
    print(f"no MNIST in {PLACE}: scikit-learn's digits, blown up to 28x28, stand in", file=sys.stderr)
    x, y, test_x, test_y = example_data.digits()
    chosen = np.resize(np.arange(len(x)), ROWS)
    return _blown_up(x)[chosen], y[chosen], _blown_up(test_x), test_y


def _blown_up(images: np.ndarray) -> np.ndarray:
    return np.pad(images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2)))


def bytes_frame(spark: Any, images: np.ndarray, labels: np.ndarray) -> Any:
    """Images as binary, cached."""
    from example_data import frame

    return frame(spark, {"image": map(np.ndarray.tobytes, images), "label": labels}, "image binary, label double")


def lenet() -> list[Any]:
    """Caffe's LeNet, 431,080 weights, over bytes."""
    from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D, Rescaling

    maps = [Conv2D(20, 5, activation="relu"), MaxPool2D(2, 2), Conv2D(50, 5, activation="relu"), MaxPool2D(2, 2)]
    return [Rescaling(1 / 255), *maps, Flatten(), Dense(500, "relu"), Dense(10, "softmax")]


def wide() -> list[Any]:
    """784-1800-1800-10: 4.7 million weights."""
    from spark_deepnet.layers import Dense, Flatten, Rescaling

    return [Rescaling(1 / 255), Flatten(), Dense(1800, "relu"), Dense(1800, "relu"), Dense(10, "softmax")]


def estimator(network: str = "lenet", **params: Any) -> Any:
    from spark_deepnet import DeepNetEstimator

    told = {"layers": {"lenet": lenet, "wide": wide}[network](), "inputShape": [28, 28, 1], "featuresCol": "image"}
    learns = {"solver": "sgd", "learningRate": 0.01, "momentum": 0.9, "batchSize": BATCH, "maxIter": EPOCHS}
    return DeepNetEstimator(**(told | learns | params))


def speed_ups(df: Any) -> Iterator[Row]:
    """The same Params for all: with syncEvery 1 two ranks share a batch, with more each has batches of its own."""
    nets = {"one": estimator(numTrainWorkers=1)}
    nets |= {name: estimator(numTrainWorkers=2, syncEvery=tau) for name, (tau, _) in SPEED_UPS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    for _ in range(TURNS):
        for name, net in nets.items():
            seconds[name] += [epoch["seconds"] for epoch in net.fit(df).summary.history[1:]]
    for name, (_, target) in SPEED_UPS.items():
        yield paired_row(name, "s", seconds[name], seconds["one"], "one rank, same Params", target)


def shares(df: Any) -> Iterator[Row]:
    for name, (network, tau) in SHARES.items():
        summary = estimator(network, numTrainWorkers=2, syncEvery=tau).fit(df).summary
        exchange, computing = (sum(map(sum, map(summary.secondsIn, of))) / 2 for of in (EXCHANGE, ("computing",)))
        told = f"all of {EPOCHS} epochs, syncEvery {summary.syncEvery}"
        yield row(name, "s", exchange, exchange + computing, told, 0.1 if tau == "auto" else None)


EXCHANGE = ("exchanging", "waiting")
