"""The laws of networks that are cut into blocks: scores, slopes and first weights equal the uncut network's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.kernels.random import key_of
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Layer
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from tests.cases.layer_case import LayerCase, rows_numbers
from tests.cases.layers import LAYERS
from tests.cases.nets import NETS, NetCase
from tests.exchange.ranks import results

N, SEED = 4, 3
STEP = key_of("step", 1)
each_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)
each_net = pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
each_count = pytest.mark.parametrize("blocks", [2, 3, 4])


@dataclass
class Pass:
    """What one training pass over N rows came to."""

    net: Net
    scores: np.ndarray
    weights: dict[str, np.ndarray]
    slopes: dict[str, np.ndarray]
    sent: int = 0


def passed(net: Net, training: bool = True, channel: Channel | None = None, dtype: Any = np.float64) -> Pass:
    layout = Layout(net)
    weights = layout.started(SEED, dtype)
    blocks = None if channel is None else ChannelBlocks(channel)
    runner = Runner(net, weights, N, blocks=blocks)
    rng = np.random.default_rng(1)
    for name, shape in net.inputs.items():
        runner.feed(N)[name][...] = rng.uniform(-3, 3, (N, *shape))
    scores = runner.forward(N, training, STEP, rows_numbers(N)).copy()
    runner.slope(N)[...] = np.random.default_rng(2).normal(size=scores.shape)
    runner.backward(N)
    slopes = {s.name: s.view(runner.slopes).copy() for s in layout.slots if s.weight.trained}
    return Pass(net, scores, layout.named(weights), slopes, channel.bytes_sent if channel else 0)


def check_cut(net: Net, blocks: int, training: bool = True, tolerance: float = 1e-10) -> list[Pass]:
    whole = passed(net, training)
    found = results(
        "memory", blocks, lambda channel: passed(cut(net, channel.rank, blocks, least=0), training, channel)
    )
    seen: dict[str, int] = {}
    for part in found:
        np.testing.assert_allclose(part.scores, whole.scores, rtol=tolerance, atol=tolerance)
        slots = Layout(part.net).slots
        for slot in slots:
            index = ... if slot.weight.part is None else slot.weight.part.index
            expected = whole.weights[slot.name][index]
            np.testing.assert_allclose(part.weights[slot.name], expected, rtol=tolerance, atol=tolerance)
            if slot.weight.trained:
                slope = whole.slopes[slot.name][index]
                np.testing.assert_allclose(part.slopes[slot.name], slope, rtol=tolerance, atol=tolerance)
            if slot.weight.part is not None:
                seen[slot.name] = seen.get(slot.name, 0) + part.weights[slot.name].size
        assert [n.name for n in part.net.nodes] == [n.name for n in found[0].net.nodes]
    for name, size in seen.items():
        assert size == whole.weights[name].size, f"the blocks together hold {name} once"
    return found


def net_of(case: LayerCase, before: bool) -> Net:
    """The layer on the network's inputs, or behind Dense layers, so that its inputs may be cut."""
    shapes = case.x_shape if case.layer.many else (case.x_shape,)
    names = [f"in{i}" for i in range(len(shapes))]
    layers: list[Layer] = []
    sources = names
    if before:
        sources = [f"d{i}" for i in range(len(shapes))]
        layers = [
            Dense(shape[-1], name=d, inputs=(name,)) for shape, d, name in zip(shapes, sources, names, strict=True)
        ]
    return Net.of([*layers, replace(case.layer, inputs=tuple(sources))], dict(zip(names, shapes, strict=True)))


@each_layer
@each_count
def test_a_layer_cut_equals_the_layer(case: LayerCase, blocks: int) -> None:
    check_cut(net_of(case, before=False), blocks, case.training)


BEHIND = [case for case in LAYERS if case.x_shape != ()]


@pytest.mark.parametrize("case", BEHIND, ids=lambda case: case.id)
@each_count
def test_so_it_does_where_its_input_is_cut(case: LayerCase, blocks: int) -> None:
    check_cut(net_of(case, before=True), blocks, case.training)


@each_net
@each_count
def test_a_network_cut_equals_the_network(case: NetCase, blocks: int) -> None:
    check_cut(case.net(), blocks)


def test_two_dense_layers_cost_one_exchange_each_way() -> None:
    """N rows of 6 numbers forward, of 8 numbers backward; the first reads an input, which has no slope."""
    net = Net.of([Dense(10, "tanh"), Dense(8), Dense(10, "tanh"), Dense(6)], {INPUT: (5,)})
    found = check_cut(net, 2)
    assert [node.name for node in found[0].net.nodes] == [
        "dense", "dense/tanh", "dense_2", "dense_2/join", "dense_2/join/share",
        "dense_3", "dense_3/tanh", "dense_4", "dense_4/join",
    ]  # fmt: skip
    assert {part.sent for part in found} == {N * 8 * (8 + 8 + 6)}


def test_small_layers_run_whole() -> None:
    net = Net.of([Dense(100, "relu"), Dense(3)], {INPUT: (100,)})
    nodes = {node.name: node for node in cut(net, 1, 2).nodes}
    assert [s.weight.part is None for s in Layout(cut(net, 1, 2)).slots if s.node == "dense"] == [False, False]
    assert nodes["dense"].shape == (50,)
    assert "dense_2/join" in nodes, "it takes what is cut as it is"
    assert [n.name for n in cut(net, 1, 2, least=10**6).nodes] == [n.name for n in net.nodes]


def test_one_block_is_the_network() -> None:
    net = Net.of([Dense(3)], {INPUT: (4,)})
    assert cut(net, 0, 1) is net
