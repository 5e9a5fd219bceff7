"""The laws of networks that are cut into blocks: scores, gradients and first weights equal the uncut network's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from spark_deepnet.exchange.blocks import ChannelBlocks
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.kernels.random import key_of
from spark_deepnet.layers._split_loss import SplitLoss
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.simple_rnn import SimpleRNN
from spark_deepnet.layers.slice import Slice
from spark_deepnet.net.cut import cut
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from tests.cases.layer_case import LayerCase, rows_numbers
from tests.cases.layers import LAYERS
from tests.cases.nets import NETS, WHOLE, NetCase, WholeCase
from tests.exchange.ranks import results

N, SEED = 4, 3
DEADLINE = 60.0  # of a rank, which may wait for others to compile
STEP = key_of("step", 1)
each_net = pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
each_count = pytest.mark.parametrize("blocks", [2, 3, 4])


@dataclass
class Pass:
    """What one training pass over N rows came to."""

    net: Net
    scores: np.ndarray
    weights: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    sent: int = 0


def runner_of(net: Net, channel: Channel | None, dtype: Any = np.float64) -> Runner:
    blocks = None if channel is None else ChannelBlocks(channel)
    return Runner(net, Layout(net).init_weights(SEED, dtype), N, blocks=blocks)


def passed(net: Net, training: bool = True, lengths: Any = None, channel: Channel | None = None) -> Pass:
    runner = runner_of(net, channel)
    layout, rng = runner.layout, np.random.default_rng(1)
    for name, shape in net.inputs.items():
        runner.feed(N)[name][...] = beyond(lengths, rng.uniform(-3, 3, (N, *shape)))
    known = None if lengths is None else dict.fromkeys(net.inputs, np.array(lengths, np.int32))
    scores = runner.forward(N, training, STEP, rows_numbers(N), known).copy()
    own, units = own_of(net)
    runner.gradient(N)[...] = np.random.default_rng(2).normal(size=(*scores.shape[:-1], units))[..., own]
    runner.backward(N)
    gradients = {s.name: s.view(runner.gradients).copy() for s in layout.slots if s.weight.trained}
    return Pass(net, scores, layout.named(runner.weights), gradients, channel.bytes_sent if channel else 0)


def own_of(net: Net) -> tuple[Any, int]:
    """Which entries of the scores the network has, and how many there are."""
    top = net.tops[0].layer
    return (top.own, len(top.places)) if isinstance(top, SplitLoss) else (slice(None), net.shape[-1])


def beyond(lengths: Any, x: np.ndarray) -> np.ndarray:
    """x, with zeros beyond the lengths of its rows."""
    for row, length in zip(x, lengths or (), strict=False):
        row[length:] = 0
    return x


def check_cut(
    net: Net, blocks: int, training: bool = True, lengths: Any = None, num_stats: tuple[int | None, ...] = ()
) -> list[Pass]:
    whole, tolerance = passed(net, training, lengths), 1e-10
    nets = [cut(net, block, blocks, least=0, num_stats=num_stats) for block in range(blocks)]
    found = results("memory", blocks, lambda c: passed(nets[c.rank], training, lengths, c), DEADLINE)
    seen: dict[str, int] = {}
    for part in found:
        expected = whole.scores[..., own_of(part.net)[0]]
        np.testing.assert_allclose(part.scores, expected, rtol=tolerance, atol=tolerance)
        slots = Layout(part.net).slots
        for slot in slots:
            index = ... if slot.weight.part is None else slot.weight.part.index
            expected = whole.weights[slot.name][index]
            np.testing.assert_allclose(part.weights[slot.name], expected, rtol=tolerance, atol=tolerance)
            if slot.weight.trained:
                gradient = whole.gradients[slot.name][index]
                np.testing.assert_allclose(part.gradients[slot.name], gradient, rtol=tolerance, atol=tolerance)
            if slot.weight.part is not None:
                seen[slot.name] = seen.get(slot.name, 0) + part.weights[slot.name].size
        assert [n.name for n in part.net.nodes] == [n.name for n in found[0].net.nodes]
    for name, size in seen.items():
        assert size == whole.weights[name].size, f"the blocks together hold {name} once"
    return found


def net_of(case: LayerCase, before: bool) -> Net:
    """The layer on the network's inputs, or behind Dense layers, so that its inputs may be cut."""
    shapes = case.x_shape if case.layer.multi_input else (case.x_shape,)
    names = [f"in{i}" for i in range(len(shapes))]
    layers: list[Layer] = []
    sources = names
    if before:
        sources = [f"d{i}" for i in range(len(shapes))]
        layers = [
            Dense(shape[-1], name=d, inputs=(name,)) for shape, d, name in zip(shapes, sources, names, strict=True)
        ]
    return Net.of([*layers, replace(case.layer, inputs=tuple(sources))], dict(zip(names, shapes, strict=True)))


ON_INPUTS = [case for case in LAYERS if case.layer.kind != "output"]  # which marks no input


@pytest.mark.parametrize("case", ON_INPUTS, ids=lambda case: case.id)
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


STAYING = [
    NetCase("one layer", (Dense(11),)),
    NetCase("behind hidden units", (Dense(5, "tanh"), Dense(11))),
    NetCase("behind activations that read y and x", (Dense(5, "tanh"), Dense(11, "tanh"), "gelu")),
    NetCase("behind a sum that is shared", (Dense(7), Dense(5), Dense(11))),
    NetCase("of every step", (LSTM(5, sequences=True), Dropout(0.3), Dense(11)), (3, 4)),
    NetCase("side by side", (Dense(5, name="a"), Dense(6, name="b", inputs=(INPUT,)), Concatenate(inputs=("a", "b")))),
    NetCase("read by others too", (Dense(11, name="a"), Output(), Dense(5, "tanh"), Dense(12), Output())),
]


@pytest.mark.parametrize("case", STAYING, ids=lambda case: case.id)
@each_count
def test_scores_that_stay_cut_are_entries_of_the_networks(case: NetCase, blocks: int) -> None:
    """Backward from entries of their gradient. Gathered, as for scoring, they are the network's, of the same weights."""
    net = case.net()
    whole = check_cut(net, blocks)
    found = check_cut(net, blocks, num_stats=(2,) * len(net.outputs))
    for part, gathered in zip(found, whole, strict=True):
        assert gathered.scores.shape[-1] == net.shape[-1]
        assert part.weights.keys() == gathered.weights.keys()
        assert all(np.array_equal(w, gathered.weights[name]) for name, w in part.weights.items())
    owns = [own_of(part.net)[0] for part in found]
    assert sorted(np.concatenate(owns).tolist()) == list(range(net.shape[-1]))


SEQUENCES = [
    *(
        kind(5, sequences=sequences, reverse=reverse, truncate=truncate, **more)
        for (kind, more), sequences, reverse, truncate in product(
            ((SimpleRNN, {}), (SimpleRNN, {"activation": "relu"}), (LSTM, {"peepholes": True}), (GRU, {})),
            (False, True),
            (False, True),
            (0, 3),
        )
    ),
    *(Bidirectional(GRU(4, sequences=True), merge) for merge in ("concat", "sum", "mul", "ave")),
    Bidirectional(LSTM(5), "concat"),
]
"""Truncated, of 7 steps, these have gradients that the laws of the table cannot know."""


@pytest.mark.parametrize("layer", SEQUENCES, ids=repr)
@pytest.mark.parametrize("blocks", [2, 3])
def test_recurrent_layers_are_cut_by_units(layer: Any, blocks: int) -> None:
    net = Net.of([Dense(4, name="before"), layer, Dense(2)], {INPUT: (7, 3)})
    for lengths in (None, (7, 3, 0, 4)):
        found = check_cut(net, blocks, lengths=lengths)
        parts = [slot.weight.part for slot in Layout(found[0].net).slots if slot.key.endswith("U")]
        assert all(part is not None for part in parts)


THROUGH: dict[str, tuple[tuple[Any, ...], Any]] = {
    "dropout": ((Dense(7), Dropout(0.5), Dense(3)), (4, 5)),
    "side by side": (
        (Dense(5, name="a"), Dense(4, name="b", inputs=(INPUT,)), Concatenate(inputs=("a", "b")), Dense(3)),
        (4,),
    ),
    "side by side, then alike": (
        (
            Dense(5, name="a"),
            Dense(4, name="b", inputs=(INPUT,)),
            Concatenate(inputs=("a", "b"), name="ab"),
            Concatenate(inputs=("b", "a"), name="ba"),
            Concatenate(inputs=("a", "b"), name="again"),
            Add(inputs=("ab", "again"), name="sum"),
            Add(inputs=("sum", "ba")),
        ),
        (4,),
    ),
    "axes": ((Dense(5), Slice(1, 3, axis=0), Permute((2, 1, 3)), Reshape((-1, 5)), Reshape((2, 3, -1))), (4, 3, 2)),
}


@pytest.mark.parametrize("name", THROUGH)
@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_what_is_cut_stays_so_through_layers_that_need_no_more(name: str, blocks: int) -> None:
    layers, x_shape = THROUGH[name]
    found = check_cut(Net.of(layers, {INPUT: x_shape}), blocks)
    gathered = [node.name for node in found[0].net.nodes if node.name.endswith("/gather")]
    expected = {"axes": ["reshape_2/gather"], "side by side, then alike": ["sum/gather", "ba/gather"]}
    assert gathered == expected.get(name, [])


def trained(net: Net, case: WholeCase, dtype: Any, channel: Channel | None = None) -> tuple[Net, dict[str, np.ndarray]]:
    """The weights after 20 steps of SGD with momentum towards targets, 4 rows each."""
    runner, rng = runner_of(net, channel, dtype), np.random.default_rng(1)
    known = None if case.lengths is None else {INPUT: np.array(case.lengths, np.int32)}
    speed = np.zeros_like(runner.weights)
    for step in range(20):
        x = rng.integers(0, case.tokens, (N, *case.x_shape)) if case.tokens else rng.normal(size=(N, *case.x_shape))
        runner.feed(N)[INPUT][...] = beyond(case.lengths, x)
        scores = runner.forward(N, True, key_of("step", step), rows_numbers(N), known)
        runner.gradient(N)[...] = (scores - rng.normal(size=scores.shape)) / N
        runner.backward(N)
        speed = dtype(0.9) * speed - dtype(0.05) * runner.gradients
        runner.weights += speed
    return net, runner.layout.named(runner.weights)


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.id)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-10)])
def test_a_network_trained_in_blocks_equals_the_network(case: WholeCase, dtype: Any, tolerance: float) -> None:
    net = case.net()
    _, whole = trained(net, case, dtype)
    for blocks in (2, 3):
        pieces = [cut(net, block, blocks, least=0) for block in range(blocks)]
        for part, weights in results(
            "memory", blocks, lambda c, p=pieces: trained(p[c.rank], case, dtype, c), DEADLINE
        ):
            for slot in Layout(part).slots:
                if slot.key != "bk":  # which no score depends on: what is added to all keys leaves a softmax as it is
                    expected = whole[slot.name][... if slot.weight.part is None else slot.weight.part.index]
                    error = np.linalg.norm(weights[slot.name] - expected)
                    assert error <= tolerance * np.linalg.norm(expected), slot.name


def twice(net: Net, training: bool, channel: Channel) -> list[np.ndarray]:
    """Scores and gradients of a pass and, of another over the same rows in which nothing is exchanged, the same."""
    runner = runner_of(cut(net, channel.rank, channel.size, least=0, remembers=True), channel)
    for name, shape in net.inputs.items():
        runner.feed(N)[name][...] = np.random.default_rng(1).uniform(-3, 3, (N, *shape))
    found, sent = [], 0
    for fresh in (True, False):
        sent = channel.bytes_sent
        scores = runner.batch(N).forward(training, STEP, rows_numbers(N), {}, fresh).copy()
        runner.gradient(N)[...] = np.random.default_rng(2).normal(size=scores.shape)
        runner.backward(N)
        found += [scores, runner.gradients.copy()]
    assert channel.bytes_sent == sent
    return found


@pytest.mark.parametrize("case", BEHIND, ids=lambda case: case.id)
def test_blocks_that_do_not_exchange_go_by_what_they_remember(case: LayerCase) -> None:
    """Where no weight has moved, that is the same."""
    for scores, gradients, again, gradients_again in results(
        "memory", 2, lambda channel: twice(net_of(case, before=True), case.training, channel), DEADLINE
    ):
        np.testing.assert_allclose(again, scores, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(gradients_again, gradients, rtol=1e-10, atol=1e-10)


def test_two_dense_layers_cost_one_exchange_each_way() -> None:
    """N rows of 6 numbers forward, of 8 numbers backward; the first reads an input, which has no gradient."""
    net = Net.of([Dense(10, "tanh"), Dense(8), Dense(10, "tanh"), Dense(6)], {INPUT: (5,)})
    found = check_cut(net, 2)
    assert [node.name for node in found[0].net.nodes] == [
        "dense", "dense/tanh", "dense_2", "dense_2/reduce", "dense_2/reduce/copy",
        "dense_3", "dense_3/tanh", "dense_4", "dense_4/reduce",
    ]  # fmt: skip
    assert {part.sent for part in found} == {N * 8 * (8 + 8 + 6)}


def test_a_layer_whose_exchange_outlasts_its_products_runs_whole() -> None:
    """A few outputs of many inputs: unless it reads what has no gradient, or its weights are many."""
    top = Net.of([Dense(4100), Dense(4100), Dense(10)], {INPUT: (4,)})
    assert [n.name for n in cut(top, 0, 2).nodes] == ["dense", "dense_2", "dense_2/reduce", "dense_3"]
    alone = Net.of([Dense(10)], {INPUT: (4100,)})
    assert cut(alone, 0, 2).nodes[0].shape == (5,)
    multi_input = Net.of([Dense(65_000), "layer_norm", Dense(17)], {INPUT: (1,)})
    assert [n.shape for n in cut(multi_input, 0, 2).nodes if n.name == "dense_2"] == [(9,)]


def test_small_layers_run_whole() -> None:
    net = Net.of([Dense(100, "relu"), Dense(3)], {INPUT: (100,)})
    nodes = {node.name: node for node in cut(net, 1, 2).nodes}
    assert [s.weight.part is None for s in Layout(cut(net, 1, 2)).slots if s.node == "dense"] == [False, False]
    assert nodes["dense"].shape == (50,)
    assert "dense_2/reduce" in nodes, "it takes what is cut as it is"
    assert [n.name for n in cut(net, 1, 2, least=10**6).nodes] == [n.name for n in net.nodes]


def test_what_has_no_weights_before_it_needs_no_gradient() -> None:
    """Pixels that are scaled are still no more than pixels."""
    net = Net.of(["flatten", Rescaling(0.1), Dense(10, "tanh"), Dense(6)], {INPUT: (2, 3)})
    found = check_cut(net, 2)
    assert [node.name for node in found[0].net.nodes if node.name.endswith(("copy", "reduce"))] == ["dense_2/reduce"]


def test_a_small_convolution_of_the_input_is_cut_where_that_is_free() -> None:
    """It has few weights, but many multiply-adds."""
    net = Net.of([Conv2D(6, 3, padding=1), "relu", Conv2D(8, 3)], {INPUT: (10, 10, 2)})
    assert [node.shape[-1] for node in cut(net, 0, 2).nodes] == [3, 3, 8, 8]
    behind = Net.of([Conv2D(2, 1), Conv2D(6, 3, padding=1)], {INPUT: (4, 4, 1)})
    assert cut(behind, 0, 2).nodes[-1].shape == (4, 4, 6), "behind another, it would cost an exchange"
    state = Net.of([SimpleRNN(8)], {INPUT: (100, 8)})
    assert cut(state, 0, 2).nodes[-1].shape == (8,), "and of units, one each step"


def test_one_block_is_the_network() -> None:
    net = Net.of([Dense(3)], {INPUT: (4,)})
    assert cut(net, 0, 1) is net
