"""Batches of sequences: shorter than the network's longest, of different lengths, and blind to what lies beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.add import Add
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout

LONGEST, STEP = 6, np.uint64(17)
CHAIN = (Dense(4, activation="tanh"), Dense(3, activation="sigmoid"), Dense(2))
NETS: dict[str, tuple[Any, ...]] = {
    "chain": CHAIN,
    "ends in an activation": (*CHAIN, "softmax"),
    "dropout": (Dense(4), Dropout(0.4), "gelu", Dense(2)),
    "residual": (Dense(4, name="a"), Dense(4, activation="tanh"), Add(inputs=("a", "dense")), Dense(2)),
    "branches": (Dense(3, name="a"), Dense(4, name="b", inputs=(INPUT,)), Concatenate(inputs=("b", "a")), Dense(2)),
    "shared weights": (Dense(3, name="a", activation="tanh"), Dense(3, share="a"), Dense(2)),
}
FLAT = (Dense(4, activation="tanh"), Flatten(), Dense(2))  # its weights depend on the longest row
each_net = pytest.mark.parametrize("name", NETS)
LENGTHS = np.array([2, 4, 1, 0, 4], np.int32)


@dataclass
class Pass:
    """A batch of sequences through a network; beyond: what fills the buffers behind each row's last step."""

    layers: tuple[Any, ...]
    longest: int | None = None
    beyond: float = 0.0
    lengths: np.ndarray | None = None
    dtype: Any = np.float64

    def __post_init__(self) -> None:
        net = Net.of(self.layers, {INPUT: (LONGEST, 3)})
        layout, rng = Layout(net), np.random.default_rng(2)
        weights = layout.init_weights(4, self.dtype)
        for array in layout.named(weights).values():
            array += rng.normal(scale=0.3, size=array.shape)
        self.runner = Runner(net, weights, 5)
        self.x = rng.normal(size=(5, LONGEST, 3))
        self.dy = rng.normal(size=(5, *net.shape))

    def cut(self, whole: np.ndarray, out: np.ndarray) -> None:
        """Rows up to their lengths, then what lies beyond."""
        if whole.ndim < 3:
            out[...] = whole
            return
        real = np.arange(out.shape[1]) < (LENGTHS if self.lengths is None else self.lengths)[:, None]
        out[...] = np.where(real[..., None], whole[:, : out.shape[1]], self.beyond)

    def run(self, training: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """(scores, gradients of the weights)"""
        batch = self.runner.batch(5, {INPUT: self.longest} if self.longest else None)
        self.cut(self.x, batch.feed[INPUT])
        lengths = LENGTHS if self.lengths is None else self.lengths
        scores = batch.forward(training, STEP, np.arange(5, dtype=np.uint64), {INPUT: lengths}).copy()
        assert batch.gradient is not None
        self.cut(self.dy, batch.gradient)
        self.ends = batch.outputs[0].ends
        batch.backward()
        return scores, self.runner.gradients.copy()


@each_net
@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_shorter_sequences_equals_the_full_length_run(name: str, training: bool) -> None:
    whole, gradients = Pass(NETS[name]).run(training)
    for longest in (4, 5, 6):
        part, found = Pass(NETS[name], longest).run(training)
        assert part.shape == (5, longest, 2)
        np.testing.assert_allclose(part, whole[:, :longest], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found, gradients, rtol=1e-11, atol=1e-13)


@each_net
def test_batches_of_many_lengths_do_not_disturb_each_other(name: str) -> None:
    one, expected = Pass(NETS[name]), Pass(NETS[name]).run()
    for longest in (6, 4, 5, 4, 6, 5):
        one.longest = longest
        scores, gradients = one.run()
        np.testing.assert_allclose(scores, expected[0][:, :longest], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(gradients, expected[1], rtol=1e-11, atol=1e-13)


@each_net
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_beyond_the_lengths_are_zero(name: str, dtype: Any) -> None:
    one = Pass(NETS[name], 4, beyond=5.0, dtype=dtype)
    scores, _ = one.run()
    np.testing.assert_array_equal(one.ends, LENGTHS)
    for row, length in zip(scores, LENGTHS, strict=True):
        assert not row[length:].any()
        assert row[:length].all()


@each_net
def test_what_lies_beyond_the_lengths_reaches_no_gradient(name: str) -> None:
    scores, gradients = Pass(NETS[name]).run()
    for beyond in (1.0, -300.0):
        found, other = Pass(NETS[name], beyond=beyond).run()
        np.testing.assert_allclose(found, scores, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(other, gradients, rtol=1e-11, atol=1e-12)


@each_net
def test_gradients_of_sequences_are_the_gradients_of_their_scores(name: str) -> None:
    one, h = Pass(NETS[name], 4), 1e-5
    _, gradients = one.run()
    real = (np.arange(4) < LENGTHS[:, None])[..., None] * one.dy[:, :4]
    views = one.runner.layout.named(gradients)
    for key, w in one.runner.layout.named(one.runner.weights).items():
        for i in np.ndindex(w.shape):
            kept, sums = w[i], []
            for moved in (kept + h, kept - h):
                w[i] = moved
                sums.append(float(np.sum(one.run()[0] * real)))
            w[i] = kept
            assert views[key][i] == pytest.approx((sums[0] - sums[1]) / (2 * h), abs=1e-7), (key, i)


def test_a_network_whose_weights_depend_on_the_longest_row_runs_at_full_length() -> None:
    whole, gradients = Pass(FLAT).run()
    one = Pass(FLAT, 4)
    found, other = one.run()
    assert one.runner.batch(5, {INPUT: 4}).feed[INPUT].shape == (5, LONGEST, 3)
    assert one.ends is None
    np.testing.assert_array_equal(found, whole)
    np.testing.assert_array_equal(other, gradients)


def test_a_network_whose_scores_depend_on_the_longest_row_runs_at_full_length() -> None:
    whole, _ = Pass((Dense(2), Flatten())).run()
    found, _ = Pass((Dense(2), Flatten()), 4).run()
    np.testing.assert_array_equal(found, whole)


def test_flattened_rows_do_not_see_what_lies_beyond_them() -> None:
    expected, found = Pass(FLAT).run(), Pass(FLAT, beyond=7.0).run()
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("layers", [CHAIN, ("tanh", Dense(2), Flatten()), FLAT, ("relu", Flatten(), "tanh")], ids=str)
def test_a_batch_may_have_no_rows(layers: tuple[Any, ...]) -> None:
    runner = Runner(net := Net.of(layers, {INPUT: (LONGEST, 3)}), Layout(net).init_weights(1), 5)
    batch = runner.batch(0, {INPUT: 1})
    none = np.zeros(0, np.uint64)
    assert len(batch.forward(True, STEP, none, {INPUT: np.zeros(0, np.int32)})) == 0
    batch.backward()
    assert not runner.gradients.any()


def test_tokens_of_one_axis_may_have_no_rows() -> None:
    net = Net.of(["tanh", Reshape((-1, 1))], {INPUT: (LONGEST,)})
    batch = Runner(net, np.zeros(0, np.float32), 5).batch(0, {INPUT: 2})
    scores = batch.forward(True, STEP, np.zeros(0, np.uint64), {INPUT: np.zeros(0, np.int32)})
    assert scores.shape == (0, 2, 1)
