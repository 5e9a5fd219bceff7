"""A whole training step of a network, ours and PyTorch's: forward, softmax cross-entropy, backward, momentum; PyTorch
eager, images channels-last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from spark_deepnet.optimizers.momentum import Momentum
from tests.benchmarks.networks.network import Network, data

RATE, MOMENTUM = 0.01, 0.9


def ours(network: Network, rows: int) -> tuple[Callable[[], object], int]:
    """A step, and the multiply-adds of its products: forward, and twice that backward."""
    net = Net.of(network.layers, {INPUT: network.shape})
    weights = Layout(net).init_weights(seed=7)
    runner, loss, optimizer = Runner(net, weights, rows), SoftmaxCrossEntropy(), Momentum(MOMENTUM)
    speed = runner.layout.zeros()
    x, labels = data(network, rows)
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


def peer(network: Network, rows: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    x, labels = data(network, rows)
    net, inputs = laid_out(network, network.peer(), x)
    targets = torch.from_numpy(labels.astype(np.int64))
    loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)

    def step() -> None:
        optimizer.zero_grad()
        loss(net(inputs), targets).backward()
        optimizer.step()

    return step


def laid_out(network: Network, net: Any, x: np.ndarray) -> tuple[Any, Any]:
    """The module and its input as PyTorch is fastest."""
    import torch

    inputs = torch.from_numpy(x)
    if len(network.shape) == 3:  # channels last in memory, as they lie
        return net.to(memory_format=torch.channels_last), inputs.permute(0, 3, 1, 2)
    return net, inputs.long() if len(network.shape) == 1 else inputs
