"""A step's backward pass and exchange by two processes over sockets, the exchange overlapped (ours) and after (peer)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from spark_deepnet.train.overlapped import Overlapped
from tests.benchmarks.harness import Row, paired_row, seconds
from tests.benchmarks.processes import AllGather, together

NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "LeNet": (
        [Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(), Dense(500, "relu"), Dense(10)],
        (28, 28, 1),
    ),
    "MLP of 5 million weights": ([*(Dense(1500, "relu") for _ in range(3)), Dense(10)], (300,)),
}
ROWS = 64  # of a rank
STEPS = 30
NAMES = [f"exchange overlapped with backward, {name}" for name in NETWORKS]


def rows() -> Iterator[Row]:
    for name, network in zip(NAMES, NETWORKS, strict=True):
        overlapped, after = together(2, partial(measured, network))
        yield paired_row(name, "ms", overlapped, after, "exchange after backward", scale=1e3)


def measured(network: str, channel: Channel, _: AllGather) -> tuple[list[float], list[float]]:
    """The seconds of each step's backward and exchange: overlapped, and one after the other."""
    layers, shape = NETWORKS[network]
    net = Net.of(layers, {INPUT: shape})
    runner = Runner(net, Layout(net).init_weights(1), ROWS)
    all_reduce = AllReduce(channel)
    overlapped = Overlapped(runner.layout, runner.gradients, all_reduce)
    batch = runner.batch(ROWS)
    batch.feed[INPUT][...] = np.random.default_rng(channel.rank).random((ROWS, *shape), dtype=np.float32)

    def after() -> None:
        batch.backward()
        all_reduce(runner.gradients)

    def meanwhile() -> None:
        batch.backward(overlapped.done)
        overlapped.finish()

    with threadpool_limits(1):
        times = [[_second_half(runner, way, all_reduce) for way in (meanwhile, after)] for _ in range(STEPS + 1)][1:]
    return [t for t, _ in times], [t for _, t in times]


def _second_half(runner: Runner, way: Callable[[], None], all_reduce: AllReduce) -> float:
    """The seconds of a step behind its forward pass, which all ranks end together."""
    runner.forward(ROWS, training=True)
    runner.gradient(ROWS)[...] = 1e-3
    all_reduce(np.zeros(1, np.float32))
    return seconds(way)
