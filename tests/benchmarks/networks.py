"""The networks of ``network_rows``, ours and PyTorch's, each as a whole training step: forward, softmax cross-entropy,
backward, momentum; PyTorch eager, images channels-last."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from spark_deepnet.layers import (
    GRU,
    LSTM,
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    LayerNorm,
    MaxPool2D,
    MultiHeadAttention,
    Relu,
    SimpleRNN,
)
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.momentum import Momentum

BATCH, CLASSES, RATE, MOMENTUM, WORDS = 128, 10, 0.01, 0.9, 5000


def conv3(filters: int, **options: Any) -> Conv2D:
    return Conv2D(filters, 3, padding=1, **options)


NETWORKS: dict[str, tuple[list[Any], tuple[int, ...], int]] = {
    "LeNet": (
        [Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(), Dense(500, "relu"), Dense(10)],
        (28, 28, 1),
        20,
    ),
    "CIFAR-10 quick": (
        [
            Conv2D(32, 5, padding=2), MaxPool2D(3, 2, ceil=True), Relu(),
            Conv2D(32, 5, padding=2, activation="relu"), AveragePool2D(3, 2, ceil=True),
            Conv2D(64, 5, padding=2, activation="relu"), AveragePool2D(3, 2, ceil=True),
            Flatten(), Dense(64), Dense(10),
        ],
        (32, 32, 3),
        10,
    ),
    "three 3x3 convolutions": (
        [*(conv3(filters, activation="relu") for filters in (64, 64, 128)), GlobalAveragePool2D(), Dense(10)],
        (32, 32, 3),
        5,
    ),
    "depthwise-separable block": (
        [conv3(64, groups=64), BatchNorm(), Relu(), Conv2D(128, 1), BatchNorm(), Relu(), GlobalAveragePool2D(), Dense(10)],
        (32, 32, 64),
        7,
    ),
    "ResNet block": (
        [
            conv3(64, bias=False), BatchNorm(), Relu(), conv3(64, bias=False), BatchNorm(name="end"),
            Add(inputs=("end", INPUT)), Relu(), GlobalAveragePool2D(), Dense(10),
        ],
        (16, 16, 64),
        7,
    ),
    "RNN 28x28-128": ([SimpleRNN(128), Dense(10)], (28, 28), 30),
    "LSTM 28x28-128": ([LSTM(128), Dense(10)], (28, 28), 20),
    "LSTM 100x64-256": ([LSTM(256), Dense(10)], (100, 64), 5),
    "GRU 28x28-128": ([GRU(128), Dense(10)], (28, 28), 20),
    "Embedding and LSTM 50x64-128": ([Embedding(WORDS, 64), LSTM(128), Dense(10)], (50,), 10),
    "self-attention block 64x128": (
        [
            MultiHeadAttention(4, name="attention"), Add(inputs=("attention", INPUT)), LayerNorm(name="first"),
            Dense(512, "relu"), Dense(128, name="second"), Add(inputs=("second", "first")), LayerNorm(),
            GlobalAveragePool1D(), Dense(10),
        ],
        (64, 128),
        10,
    ),
}  # fmt: skip


def data(shape: tuple[int, ...], rows: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(7)
    if len(shape) == 1:
        x = chance.integers(0, WORDS, (rows, *shape)).astype(np.float32)
    else:
        x = chance.standard_normal((rows, *shape), dtype=np.float32)
    return x, chance.integers(0, CLASSES, rows, dtype=np.int32)


def ours(name: str, rows: int = BATCH) -> tuple[Callable[[], object], int]:
    """A step, and the multiply-adds of its products: forward, and twice that backward."""
    layers, shape, _ = NETWORKS[name]
    net = Net.of(layers, {INPUT: shape})
    weights = Layout(net).init_weights(seed=7)
    runner, loss, optimizer = Runner(net, weights, rows), SoftmaxCrossEntropy(), Momentum(MOMENTUM)
    speed = runner.layout.zeros()
    x, labels = data(shape, rows)
    batch = runner.batch(rows)
    batch.feed[INPUT][...] = x
    shares, keys = np.full(rows, 1 / rows, np.float32), np.arange(rows, dtype=np.uint64)
    runs = runner.layout.runs()

    def step() -> None:
        loss.measure(batch.forward(True, np.uint64(1), keys, {}), labels, shares, batch.gradient)
        batch.backward()
        for stretch, decays, _ in runs:
            optimizer.step(weights[stretch], runner.gradients[stretch], (speed[stretch],), RATE, 1, decays)

    return step, 3 * rows * sum(node.layer.multiply_adds(node.x) for node in net.nodes)


def peer(name: str, rows: int = BATCH) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    net, shape = _modules(name), NETWORKS[name][1]
    x, labels = data(shape, rows)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))
    if len(shape) == 3:
        inputs = inputs.permute(0, 3, 1, 2)  # channels last in memory, as they lie
        net = net.to(memory_format=torch.channels_last)
    if len(shape) == 1:
        inputs = inputs.long()
    loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)

    def step() -> None:
        optimizer.zero_grad()
        loss(net(inputs), targets).backward()
        optimizer.step()

    return step


def _modules(name: str) -> Any:
    """The same network of PyTorch's modules."""
    from torch import nn

    class Last(nn.Module):
        """The last step of a recurrent module."""

        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module = module

        def forward(self, x: Any) -> Any:
            return self.module(x)[0][:, -1]

    class Residual(nn.Module):
        def __init__(self, body: Any, *after: Any) -> None:
            super().__init__()
            self.body, self.after = body, nn.Sequential(*after)

        def forward(self, x: Any) -> Any:
            return self.after(self.body(x) + x)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(128, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    class Mean(nn.Module):
        def __init__(self, axes: Any) -> None:
            super().__init__()
            self.axes = axes

        def forward(self, x: Any) -> Any:
            return x.mean(self.axes)

    def chain(*sizes: int) -> list[Any]:
        return [part for a, b in pairwise(sizes) for part in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())]

    recurrent = {"batch_first": True}
    return {
        "LeNet": lambda: nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)),
        "CIFAR-10 quick": lambda: nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10)),
        "three 3x3 convolutions": lambda: nn.Sequential(*chain(3, 64, 64, 128), Mean((2, 3)), nn.Linear(128, 10)),
        "depthwise-separable block": lambda: nn.Sequential(
            nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 128, 1), nn.BatchNorm2d(128), nn.ReLU(), Mean((2, 3)), nn.Linear(128, 10)),
        "ResNet block": lambda: nn.Sequential(
            Residual(nn.Sequential(
                nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
                nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)), nn.ReLU()),
            Mean((2, 3)), nn.Linear(64, 10)),
        "RNN 28x28-128": lambda: nn.Sequential(Last(nn.RNN(28, 128, **recurrent)), nn.Linear(128, 10)),
        "LSTM 28x28-128": lambda: nn.Sequential(Last(nn.LSTM(28, 128, **recurrent)), nn.Linear(128, 10)),
        "LSTM 100x64-256": lambda: nn.Sequential(Last(nn.LSTM(64, 256, **recurrent)), nn.Linear(256, 10)),
        "GRU 28x28-128": lambda: nn.Sequential(Last(nn.GRU(28, 128, **recurrent)), nn.Linear(128, 10)),
        "Embedding and LSTM 50x64-128": lambda: nn.Sequential(
            nn.Embedding(WORDS, 64), Last(nn.LSTM(64, 128, **recurrent)), nn.Linear(128, 10)),
        "self-attention block 64x128": lambda: nn.Sequential(
            Residual(Attention(), nn.LayerNorm(128)),
            Residual(nn.Sequential(nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 128)), nn.LayerNorm(128)),
            Mean(1), nn.Linear(128, 10)),
    }[name]()  # fmt: skip
