"""Whole fits of LeNet beside others that train on Spark's executors, on the same two cores.

All find their session up and train the same network, with their own defaults for its start, on MNIST's 60,000 rows by
SGD with momentum for the same epochs, two workers of one thread each. The seconds are those of the call that trains:
jobs, processes, reading and all. Ours reads a cached DataFrame.

TorchDistributor, PySpark's own: as its users do, a file on local disk of which each process takes its half, into
DistributedDataParallel over gloo, in barrier tasks (``local_mode=False``); two processes share batches of 64.

Elephas wants TensorFlow and older packages than ours: it is measured where the environment variable ELEPHAS_PYTHON names
a Python that has it (tried: 7.3.0 with PySpark 4.0.0), from a cached RDD. Its workers step alone with batches of 64
each, and its synchronous mode takes the mean once an epoch; ours here every 10 steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.exchange_fit_rows import bytes_frame, digits, estimator
from tests.benchmarks.harness import Row, Skipped, paired_row, row, seconds
from tests.benchmarks.main_fit_rows import session
from tests.benchmarks.mnist import mnist_folder

TORCH = ("exchange fit LeNet beside TorchDistributor", "exchange fit LeNet, error beside TorchDistributor")
ELEPHAS = ("exchange fit LeNet beside Elephas", "exchange fit LeNet, error beside Elephas")
NAMES = [*TORCH, *ELEPHAS]
EPOCHS = 2
BATCH = 64
RATE, MOMENTUM = 0.01, 0.9
TURNS = 3
ALIKE = 0.003  # of accuracy
Peer = Callable[[], tuple[float, float]]


def rows() -> Iterator[Row]:
    mnist_folder()
    root = str(Path(__file__).parents[2])  # the peer's processes find this file there
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    spark = session()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield from beside_peers(spark, f"{folder}/mnist.npz")
    finally:
        spark.stop()


def beside_peers(spark: Any, file: str) -> Iterator[Row]:
    x, y, test_x, test_y = digits()
    np.savez(file, x=x, y=y.astype(np.int64), test_x=test_x, test_y=test_y.astype(np.int64))
    train, test = bytes_frame(spark, x, y), bytes_frame(spark, test_x, test_y)
    net = estimator(batchSize=BATCH, learningRate=RATE, momentum=MOMENTUM, maxIter=EPOCHS, numTrainWorkers=2)
    yield from beside(TORCH, net, train, test, partial(with_torch, file), "torch DDP")
    python = os.environ.get("ELEPHAS_PYTHON")
    if python is None:
        raise Skipped("Elephas is measured where ELEPHAS_PYTHON names a Python that has it")
    alone = net.copy({net.syncEvery: 10})
    yield from beside(ELEPHAS, alone, train, test, partial(with_elephas, file, python), "Elephas")


def beside(names: tuple[str, str], net: Any, train: Any, test: Any, peer: Peer, title: str) -> Iterator[Row]:
    """Seconds of fits in turn, and the errors of the last ones."""
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    models: dict[str, Any] = {}
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        times[0].append(seconds(lambda: models.update(ours=net.fit(train))))
        took, theirs = peer()
        times[1].append(took)
    yield paired_row(names[0], "s", *times, f"{title}, {EPOCHS} epochs", 0.7)
    right = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(models["ours"].transform(test))
    yield row(names[1], "error", 1 - right, 1 - theirs + ALIKE, f"{title}'s {1 - theirs:.4f} + {ALIKE}", 1.0)


def with_elephas(file: str, python: str) -> tuple[float, float]:
    """(seconds, accuracy)"""
    side = [python, str(Path(__file__).with_name("elephas_side.py")), file]
    told = subprocess.run([*side, *map(str, (EPOCHS, BATCH, RATE, MOMENTUM))], check=True, stdout=subprocess.PIPE)
    found = json.loads(told.stdout.splitlines()[-1])
    return found["seconds"], found["accuracy"]


def with_torch(file: str) -> tuple[float, float]:
    """(seconds, accuracy)"""
    from pyspark.ml.torch.distributor import TorchDistributor

    peer = TorchDistributor(num_processes=2, local_mode=False, use_gpu=False)
    weights: dict[str, Any] = {}
    took = seconds(lambda: weights.update(peer.run(train_with_torch, file)))
    with np.load(file) as data:
        return took, torch_accuracy(weights, data["test_x"], data["test_y"])


def train_with_torch(file: str) -> dict[str, np.ndarray]:
    """What each process of TorchDistributor runs; the weights, of which rank 0's come home."""
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(1)
    with np.load(file) as data:
        x = torch.from_numpy(data["x"][rank::size]).unsqueeze(1)
        y = torch.from_numpy(data["y"][rank::size])
    net = torch_lenet()
    model, loss = DistributedDataParallel(net), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(x)).split(BATCH // size):
            optimizer.zero_grad()
            loss(model(x[index].to(memory_format=torch.channels_last).float() / 255), y[index]).backward()
            optimizer.step()
    dist.destroy_process_group()
    return {name: value.numpy() for name, value in net.state_dict().items()}


def torch_lenet() -> Any:
    """With channels last, which is quicker."""
    import torch
    from torch import nn

    maps = [nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)]
    top = [nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]
    return nn.Sequential(*maps, *top).to(memory_format=torch.channels_last)


def torch_accuracy(weights: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    import torch

    net = torch_lenet()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        found = [net(x.unsqueeze(1).float() / 255).argmax(1) for x in torch.tensor(images).split(1000)]
    return float((torch.cat(found).numpy() == labels).mean())
