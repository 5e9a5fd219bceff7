"""The networks that are timed beside PyTorch's are the same networks: as many weights, and the same scores with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.node import Node
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from tests.benchmarks.networks import attention, recurrent
from tests.benchmarks.networks.network import data
from tests.benchmarks.networks.step import laid_out
from tests.benchmarks.networks.table import NETWORKS

torch = pytest.importorskip("torch", reason="PyTorch, the peer of the benchmarks, is not installed")

ROWS = 2
OWN_LAYOUT = {**recurrent.NETWORKS, **attention.NETWORKS}
"""Weights of gates and heads are arranged differently, and PyTorch's recurrent ones have a second bias."""
SAME_LAYOUT = NETWORKS.keys() - OWN_LAYOUT.keys()
LARGE = {"AlexNet 227x227", "GoogLeNet 224x224"}


@pytest.mark.parametrize("name", OWN_LAYOUT)
def test_as_many_weights_and_scores(name: str) -> None:
    network = NETWORKS[name]
    net, peer = Net.of(network.layers, {INPUT: network.shape}), network.peer()
    double = any(node.layer.kind == "gru" for node in net.nodes)
    own = sum(p.numel() for key, p in peer.named_parameters() if double or "bias_hh" not in key)
    assert Layout(net).count == own
    inputs = torch.from_numpy(data(network, ROWS)[0])
    scores = peer(inputs.long() if len(network.shape) == 1 else inputs)
    assert tuple(scores.shape) == (ROWS, *net.outputs[0].shape) == (ROWS, network.classes)


@pytest.mark.parametrize("name", sorted(SAME_LAYOUT))
def test_the_same_scores_with_the_same_weights(name: str) -> None:
    if name in LARGE and not JIT:
        pytest.skip("takes minutes as plain Python")
    network = NETWORKS[name]
    net, peer = Net.of(network.layers, {INPUT: network.shape}), network.peer().eval()
    runner, (x, _) = Runner(net, Layout(net).init_weights(seed=7), ROWS, training=False), data(network, ROWS)
    copy_weights(runner, peer)
    runner.feed(ROWS)[INPUT][...] = x
    ours = runner.forward(ROWS)
    module, inputs = laid_out(network, peer, x)
    with torch.no_grad():
        theirs = module(inputs).numpy()
    assert ours.shape == theirs.shape == (ROWS, network.classes)
    assert theirs.std() > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max())


def copy_weights(runner: Runner, peer: Any) -> None:
    """Ours into the module, whose parameters and moving statistics have the same order."""
    theirs = [value for key, value in peer.state_dict().items() if "num_batches" not in key]
    views = runner.layout.views(runner.weights)
    ours = [array for node in runner.net.nodes for array in arranged(node, runner.net, views.get(node.name, {}))]
    assert [array.shape for array in ours] == [tuple(value.shape) for value in theirs]
    for array, value in zip(ours, theirs, strict=True):
        value.copy_(torch.from_numpy(array.copy()))


def arranged(node: Node, net: Net, views: Arrays) -> Iterator[np.ndarray]:
    """A layer's arrays as PyTorch has them: filters and outputs first, channels before the cells of a window, and maps
    flattened channel by channel."""
    for name in node.weights():
        array = views[name]
        if name == "W" and node.layer.kind == "dense":
            maps = next((n.x for n in net.nodes if n.layer.kind == "flatten" and n.name in node.inputs), ())
            array = array.reshape(*maps, -1).transpose(2, 0, 1, 3).reshape(array.shape) if len(maps) == 3 else array
            array = array.T
        elif name == "W" and node.layer.kind != "embedding":
            array = np.moveaxis(array, (-1, -2), (0, 1))
        yield array
