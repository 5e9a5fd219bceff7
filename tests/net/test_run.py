"""Networks at work: values and gradients against plain NumPy and central differences, and what a pass may not do."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.jit import JIT
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.layer import Call
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from tests.cases.nets import NETS, NetCase

each_net = pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
STEP = np.uint64(99)


def row_keys(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.uint64) * np.uint64(11) + np.uint64(5)


class Bench:
    """A runner over drawn weights, and batches to put through it."""

    def __init__(self, net: Net, capacity: int = 6, dtype: Any = np.float64, training: bool = True) -> None:
        self.net, self.rng = net, np.random.default_rng(3)
        layout = Layout(net)
        self.weights = layout.init_weights(4, dtype)
        for array in layout.named(self.weights).values():
            array += self.rng.normal(scale=0.3, size=array.shape)
        self.runner = Runner(net, self.weights, capacity, training)

    def drawn(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        shape = self.net.inputs[INPUT]
        dtype = self.weights.dtype
        return self.rng.normal(size=(n, *shape)).astype(dtype), self.rng.normal(size=(n, *self.net.shape)).astype(dtype)

    def scores(self, x: np.ndarray, training: bool = True) -> np.ndarray:
        self.runner.feed(len(x))[INPUT][...] = x
        return self.runner.forward(len(x), training, STEP, row_keys(len(x))).copy()

    def gradients(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        self.scores(x)
        self.runner.gradient(len(x))[...] = dy
        self.runner.backward(len(x))
        return self.runner.gradients.copy()


def one_by_one(net: Net, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The network's layers in scoring mode, each with memory of its own."""
    values, views = {INPUT: x}, Layout(net).views(weights)
    for node in net.nodes:
        read = tuple(values[name].copy() for name in node.inputs)
        values[node.name] = np.full((len(x), *node.shape), np.nan, x.dtype)
        source = read if node.layer.multi_input else read[0]
        node.layer.forward(views.get(node.owner, {}), source, values[node.name], Call())
    return values[net.nodes[-1].name]


@each_net
def test_scores_are_those_of_the_layers_one_by_one(case: NetCase) -> None:
    bench = Bench(case.net())
    x, _ = bench.drawn(5)
    np.testing.assert_allclose(bench.scores(x, training=False), one_by_one(bench.net, bench.weights, x), rtol=1e-12)


@each_net
def test_gradients_are_the_gradients_of_the_scores(case: NetCase) -> None:
    bench = Bench(case.net())
    x, dy = bench.drawn(3)
    found, h = bench.gradients(x, dy), 1e-5
    views = bench.runner.layout.named(found)
    for name, w in bench.runner.layout.named(bench.weights).items():
        for i in np.ndindex(w.shape):
            kept = w[i]
            w[i] = kept + h
            above = np.sum(bench.scores(x) * dy)
            w[i] = kept - h
            below = np.sum(bench.scores(x) * dy)
            w[i] = kept
            assert views[name][i] == pytest.approx((above - below) / (2 * h), abs=1e-7), (name, i)


@each_net
def test_a_nodes_gradients_are_complete_when_it_is_done(case: NetCase) -> None:
    """Those of shared weights after the last of their users."""
    bench = Bench(case.net())
    x, dy = bench.drawn(3)
    final = bench.runner.layout.views(bench.gradients(x, dy))
    bench.runner.gradients[:] = np.nan
    views, passed = bench.runner.layout.views(bench.runner.gradients), []

    def done(node: str) -> None:
        passed.append(node)
        for key, gradient in views.get(node, {}).items():
            np.testing.assert_array_equal(gradient, final[node][key])

    bench.scores(x)
    bench.runner.gradient(3)[...] = dy
    bench.runner.batch(3).backward(done)
    assert passed == [node.name for node in reversed(bench.net.nodes)]


@each_net
def test_float32_is_near_float64(case: NetCase) -> None:
    fine, rough = Bench(case.net()), Bench(case.net(), dtype=np.float32)
    x, dy = fine.drawn(5)
    rough.weights[...] = Layout(case.net()).packed(Layout(case.net()).named(fine.weights))
    found = rough.runner.layout.named(rough.gradients(x.astype(np.float32), dy.astype(np.float32)))
    for name, gradients in fine.runner.layout.named(fine.gradients(x, dy)).items():
        np.testing.assert_allclose(found[name], gradients, rtol=2e-4, atol=2e-5)


@each_net
def test_a_pass_does_not_depend_on_those_before_it(case: NetCase) -> None:
    """Batches of many sizes, one after another and again, more than the views that are kept."""
    bench = Bench(case.net(), capacity=12)
    batches = [bench.drawn(n) for n in (12, 1, 5, 12, 3, 2, 4, 6, 7, 8, 9, 10, 5, 0, 12)]
    for x, dy in batches:
        fresh = Bench(case.net(), capacity=len(x) or 1)
        fresh.weights[...] = bench.weights
        np.testing.assert_allclose(bench.gradients(x, dy), fresh.gradients(x, dy), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(bench.scores(x), fresh.scores(x), rtol=1e-12)


def test_a_mlp_is_the_formula() -> None:
    bench = Bench(Net.of([Dense(5, activation="tanh"), Dense(3)], {INPUT: (4,)}))
    w = bench.runner.layout.named(bench.weights)
    x, dy = bench.drawn(6)
    h = np.tanh(x @ w["dense/W"] + w["dense/b"])
    np.testing.assert_allclose(bench.scores(x), h @ w["dense_2/W"] + w["dense_2/b"], rtol=1e-12)
    dh = (dy @ w["dense_2/W"].T) * (1 - h * h)
    expected = {"dense/W": x.T @ dh, "dense/b": dh.sum(0), "dense_2/W": h.T @ dy, "dense_2/b": dy.sum(0)}
    for name, gradients in bench.runner.layout.named(bench.gradients(x, dy)).items():
        np.testing.assert_allclose(gradients, expected[name], rtol=1e-10)


def test_dropout_depends_on_step_row_and_layer_but_not_on_the_place_in_the_batch() -> None:
    net = Net.of([Dropout(0.5), Dropout(0.5, name="other")], {INPUT: (64,)})
    runner = Runner(net, np.zeros(0, np.float32), 4)

    def scores(keys: list[int], step: int) -> np.ndarray:
        runner.feed(len(keys))[INPUT][...] = 1
        return runner.forward(len(keys), True, np.uint64(step), np.array(keys, np.uint64)).copy()

    first = scores([1, 2, 3], 5)
    np.testing.assert_array_equal(scores([3, 9, 1], 5)[[2, 0]], first[[0, 2]])
    assert (scores([1, 2, 3], 6) != first).any()
    assert (first[0] != first[1]).any()
    share = (first > 0).mean()
    assert 0.1 < share < 0.4, "both layers silence the same units"


def test_scoring_keeps_no_gradients_and_leaves_dropout_out() -> None:
    net = Net.of([Dense(8), Dropout(0.5), Dense(2)], {INPUT: (4,)})
    bench = Bench(net, training=False)
    x, _ = bench.drawn(4)
    assert bench.runner.gradients.size == 0
    assert bench.runner.buffers.gradients == {}
    np.testing.assert_allclose(bench.scores(x, training=False), one_by_one(net, bench.weights, x), rtol=1e-12)


def test_activations_write_over_their_input() -> None:
    net = Net.of([Dense(8, activation="relu"), Dense(8), "tanh", "gelu", Dense(2)], {INPUT: (4,)})
    values = Runner(net, Layout(net).zeros(), 4).buffers.values
    assert values["dense/relu"] is values["dense"]
    assert values["tanh"] is values["dense_2"]
    assert values["gelu"] is not values["tanh"], "gelu reads its input again"


def test_a_deep_chain_needs_two_buffers_of_gradients() -> None:
    net = Net.of([*(Dense(8, activation="tanh") for _ in range(10)), Dense(8)], {INPUT: (8,)})
    gradients = Runner(net, Layout(net).zeros(), 4).buffers.gradients
    assert len({id(flat) for flat in gradients.values()}) == 2


def test_gradients_can_be_written_into_a_longer_vector() -> None:
    bench = Bench(Net.of([Dense(3)], {INPUT: (4,)}))
    x, dy = bench.drawn(4)
    before = bench.gradients(x, dy)
    longer = np.full(bench.runner.layout.size + 5, -1.0)
    longer[: before.size] = 0
    bench.runner.use_gradients(longer[: before.size])
    bench.gradients(x, dy)
    np.testing.assert_array_equal(longer, np.append(before, [-1.0] * 5))


@pytest.mark.skipif(not JIT, reason="as plain Python, NumPy's products stand in for the kernels', and allocate")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_allocates_nothing_large(dtype: Any) -> None:
    bench = Bench(Net.of([Dense(256, activation="relu"), Dropout(0.1), Dense(10)], {INPUT: (200,)}), 128, dtype)
    x, dy = bench.drawn(128)
    keys = row_keys(128)

    def step() -> None:
        bench.runner.feed(128)[INPUT][...] = x
        bench.runner.forward(128, True, STEP, keys)
        bench.runner.gradient(128)[...] = dy
        bench.runner.backward(128)

    step()
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 10
