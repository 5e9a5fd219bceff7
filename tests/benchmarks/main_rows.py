"""A whole training step beside PyTorch's on one thread, and how long a machine's first step takes to compile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from spark_deepnet.kernels.blas import LIBRARY
from spark_deepnet.layers.dense import Dense
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.momentum import Momentum
from tests.benchmarks.harness import Row, in_turns, paired_row, row, seconds

BATCH = 128
RATE, MOMENTUM = 0.01, 0.9
PERCEPTRONS = [((784, 512, 512, 10), 200), ((54, 64, 7), 2000)]
"""(sizes, how often a step is timed)"""


def data(sizes: tuple[int, ...], batch: int) -> tuple[np.ndarray, np.ndarray]:
    """The same batch for both sides: x (batch, sizes[0]) float32, labels (batch,) int32."""
    chance = np.random.default_rng(7)
    x = chance.standard_normal((batch, sizes[0]), dtype=np.float32)
    return x, chance.integers(0, sizes[-1], batch, dtype=np.int32)


def ours(sizes: tuple[int, ...], batch: int) -> Callable[[], object]:
    """One step of dense layers with ReLU between them: forward, softmax cross-entropy, backward, momentum's update."""
    layers = [*(Dense(units, activation="relu") for units in sizes[1:-1]), Dense(sizes[-1])]
    net = Net.of(layers, {INPUT: sizes[:1]})
    weights, speed = Layout(net).init_weights(seed=7), Layout(net).zeros()
    runner, loss, optimizer = Runner(net, weights, batch), SoftmaxCrossEntropy(), Momentum(MOMENTUM)
    x, labels = data(sizes, batch)
    runner.feed(batch)[INPUT][...] = x
    shares = np.full(batch, 1 / batch, np.float32)
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        loss.measure(runner.forward(batch, training=True), labels, shares, runner.gradient(batch))
        runner.backward(batch)
        optimizer.step(weights, runner.gradients, (speed,), RATE, count, True)

    return step


def peer(sizes: tuple[int, ...], batch: int) -> Callable[[], object]:
    """The same step in PyTorch, eager, on one thread."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    layers = [part for i, o in pairwise(sizes) for part in (nn.Linear(i, o), nn.ReLU())]
    net = nn.Sequential(*layers[:-1])
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    x, labels = data(sizes, batch)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))

    def step() -> None:
        optimizer.zero_grad()
        loss(net(inputs), targets).backward()
        optimizer.step()

    return step


def perceptron_step(name: str, sizes: tuple[int, ...], repeats: int) -> Row:
    """With the BLAS that this process has bound: MKL where it is installed."""
    with threadpool_limits(1):
        times = in_turns((ours(sizes, BATCH), peer(sizes, BATCH)), repeats)
    return paired_row(name, "ms", *times, "PyTorch eager, 1 thread", 1.0 if LIBRARY == "mkl" else 1.3, 1e3)


def perceptron_step_with_scipy(name: str, index: int) -> Row:
    """The same row of a process that is told to leave MKL alone."""
    command = [sys.executable, "-m", "tests.benchmarks.main_rows", str(index), name]
    environment = os.environ | {"SPARK_DEEPNET_BLAS": "scipy"}
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def allocated(name: str) -> Row:
    """The most memory that a step in steady state holds beyond what it held before."""
    step = ours(PERCEPTRONS[0][0], BATCH)
    step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    step()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return row(name, "KB", peak / 1024, 64.0, "the bound", 1.0)


def first_step_seconds(cache: str) -> float:
    """How long a new process takes for imports and its first step, with its kernels' cache in that folder."""
    return child("-m", "tests.benchmarks.main_rows", XDG_CACHE_HOME=cache)


def child(*arguments: str, **settings: str) -> float:
    """What a process of its own prints, which keeps what Python compiles, as everywhere."""
    others = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")}
    command = [sys.executable, *arguments]
    return float(subprocess.run(command, env=others | settings, check=True, stdout=subprocess.PIPE).stdout)


def compile_step(name: str, times: int) -> Row:
    """The last of so many first steps with one cache, empty at first."""
    child("-c", "import tests.benchmarks.main_rows; print(0)")
    with tempfile.TemporaryDirectory() as cache:
        found = [first_step_seconds(cache) for _ in range(times)]
    return row(name, "s", found[-1], 0.7 if times > 1 else 10.0, "the bound", 1.0)


IMPORT = """
import time, numpy
start = time.perf_counter()
import spark_deepnet.net
print(time.perf_counter() - start)
"""


def import_row(name: str) -> Row:
    """How long a new process imports networks, beyond NumPy; the median of seven, after one."""
    return row(name, "s", median([child("-c", IMPORT) for _ in range(8)][1:]), 0.3, "the bound", 1.0)


def _named(name: str, bench: Callable[..., Row], *arguments: object) -> tuple[str, Callable[[], Row]]:
    return name, partial(bench, name, *arguments)


BENCHES: dict[str, Callable[[], Row]] = dict(
    [_named(f"main MLP step, {'-'.join(map(str, s))}", perceptron_step, s, times) for s, times in PERCEPTRONS]
    + [
        _named(f"main MLP step with SciPy's BLAS, {'-'.join(map(str, s))}", perceptron_step_with_scipy, i)
        for i, (s, _) in enumerate(PERCEPTRONS)
    ]
    + [_named("main step allocates", allocated)]
    + [_named("main compile cold", compile_step, 1), _named("main compile cached", compile_step, 2)]
    + [_named("main import", import_row)]
)

if __name__ == "__main__" and len(sys.argv) > 1:
    print(json.dumps(perceptron_step(sys.argv[2], *PERCEPTRONS[int(sys.argv[1])])))
elif __name__ == "__main__":
    print(seconds(lambda: ours(PERCEPTRONS[0][0], BATCH)()))
