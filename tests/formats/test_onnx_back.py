"""What was written as ONNX is read back as a network that computes the same, over rows as the first one takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from spark_deepnet.errors import FormatError
from spark_deepnet.formats.onnx.read import read
from spark_deepnet.formats.onnx.write import write
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.input import ANY_LENGTH, Input
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.slice import Slice
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from tests.cases.layer_case import LayerCase
from tests.cases.nets import NETS, WHOLE, NetCase, WholeCase
from tests.formats.onnx_runs import Arrays, close, scored
from tests.formats.test_onnx_out import SCORING, drawn, drawn_layer
from tests.net import test_padding as padding

BY_LENGTH = ("conv1d", "conv2d", "max_pool2d", "average_pool2d", "random_crop", "resizing")
"""Kinds of layers of which those whose cells begin elsewhere in a row of another length are not read back."""
OTHERS = {
    "Dense(4, initializer='normal') Slice(-8, stop=6, axis=0) (12, 4)": "the steps of its outputs",
    "Dense(2, initializer='normal') Slice(-8, stop=6, axis=-3) (12, 8, 2)": "the steps of its outputs",
    "Dense(2, initializer='normal') RandomCrop(12, 8) (12, 8, 2)": "the steps of its outputs",
    "Flatten() (12,)": "the steps of its outputs",
    "Dense(5, initializer='normal') L2Normalize() (12, 5)": "joins its inputs step by step",
    "Dense(4, initializer='normal') L2Normalize(axes=3, epsilon=0.5) (12, 3, 4)": "the steps of its outputs",
    "Dense(2, initializer='normal') LocalResponseNorm(size=3, region='within_channel') (12, 3, 2)": "the steps of its",
    "Dense(3, initializer='normal') Embedding(5, 1) (12, 3)": "has no tokens",
}
"""Other cases of rows of different lengths that are not read back -> why."""


def again(path: Path, x: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The values of the outputs of a file's network."""
    foreign = read(path)
    net, n = foreign.net(), len(next(iter(x.values())))
    runner = Runner(net, foreign.flat(net), n, training=False)
    assert runner.feed(n).keys() == x.keys()
    for name, room in runner.feed(n).items():
        assert room.shape == (x[name].shape if x[name].ndim > 1 else (n, 1))
        room[...] = x[name].reshape(room.shape)
    runner.forward(n)
    return [out.y.copy() for out in runner.batch(n).outputs]


def assert_same(path: Path, net: Net, weights: np.ndarray, x: Mapping[str, np.ndarray]) -> None:
    write(path, net, weights)
    expected = scored(net, weights, x).values()
    for y, own in zip(again(path, x), expected, strict=True):
        assert y.shape == own.shape
        np.testing.assert_allclose(y, own, rtol=0, atol=1e-4 * max(1.0, float(np.abs(own).max(initial=0))))


@pytest.mark.parametrize("case", SCORING, ids=lambda case: case.id)
def test_a_layer_is_read_back(case: LayerCase, tmp_path: Path) -> None:
    assert_same(tmp_path / "net.onnx", *drawn_layer(case))


def assert_same_sequences(path: Path, net: Net, weights: np.ndarray, x: Arrays, lengths: np.ndarray) -> None:
    """Scores of rows of different lengths, and where they end, are those of the network that was written."""
    rows = {name: array.astype(np.float32) for name, array in x.items()}
    weights = weights.astype(np.float32)
    write(path, net, weights, sequences=tuple(rows))
    foreign = read(path)
    own = foreign.net()
    assert own.inputs == net.inputs
    assert all(layer.sizes[0] == ANY_LENGTH for layer in foreign.layers if isinstance(layer, Input) and layer.sizes)
    found = scored(own, foreign.flat(own), rows, lengths)
    expected = scored(net, weights, rows, lengths)
    close(dict(enumerate(found.values())), dict(enumerate(expected.values())))


def unread(case: padding.Case) -> str:
    """Why a case is refused; "" if it is read."""
    if "strides=(2, 1), padding='same'" in case.id:
        return ""  # whose first window begins with the row
    begins = (n for n in case.net().nodes if n.layer.kind in BY_LENGTH and n.layer.masking(n.x) is Masking.BY_LENGTH)
    return OTHERS.get(case.id, "by the length of a row|hangs on the length|the rows' lengths" if any(begins) else "")


@pytest.mark.parametrize("case", padding.CASES, ids=lambda case: case.id)
def test_rows_of_different_lengths_are_read_back(case: padding.Case, tmp_path: Path) -> None:
    """Empty rows too, and where rows end; or one sentence."""
    x, weights, _ = padding.numbers(case)
    lengths = np.minimum(padding.LENGTHS, case.longest)
    if unread(case):
        with pytest.raises(FormatError, match=unread(case)):
            assert_same_sequences(tmp_path / "net.onnx", case.net(), weights, x, lengths)
        return
    assert_same_sequences(tmp_path / "net.onnx", case.net(), weights, x, lengths)


EVERY = WholeCase(
    "steps of steps",
    (
        Embedding(9, 4), Conv1D(4, 3, padding=1, strides=2), MultiHeadAttention(2, causal=True), Slice(-3, None, axis=0),
        Bidirectional(GRU(2, sequences=True)), "global_average_pool1d", Dense(2),
    ),
    (8,),
    tokens=9,
    lengths=(8, 7, 6, 3, 1, 0),
)  # fmt: skip


@pytest.mark.parametrize("case", [EVERY, *(case for case in WHOLE if case.lengths)], ids=lambda case: case.id)
def test_a_network_over_sequences_is_read_back(case: WholeCase, tmp_path: Path) -> None:
    rng, net, lengths = np.random.default_rng(1), case.net(), np.array(case.lengths)
    shape = (len(lengths), *case.x_shape)
    x = rng.integers(0, case.tokens, shape).astype(float) if case.tokens else rng.normal(size=shape)
    assert_same_sequences(tmp_path / "net.onnx", net, drawn(net), {INPUT: x}, lengths)


@pytest.mark.parametrize(
    "case", [case for case in (*NETS, *WHOLE) if not getattr(case, "lengths", None)], ids=lambda case: case.id
)
def test_a_network_is_read_back(case: NetCase, tmp_path: Path) -> None:
    rng, net = np.random.default_rng(1), case.net()
    tokens, shape = case.tokens if isinstance(case, WholeCase) else 0, (5, *case.x_shape)
    x = rng.integers(0, tokens, shape).astype(float) if tokens else rng.normal(size=shape)
    assert_same(tmp_path / "net.onnx", net, drawn(net), {INPUT: x})


def test_scores_of_every_step_keep_their_steps(tmp_path: Path) -> None:
    """Also where outputs of several axes are asked for as vectors; and values from the middle, which no output gives."""
    net = Net.of((GRU(3, sequences=True, name="states"), Dense(2), "softmax"), {INPUT: (5, 2)})
    write(tmp_path / "net.onnx", net, drawn(net), sequences=(INPUT,))
    found = read(tmp_path / "net.onnx", vectors=True).net()
    assert [out.shape for out in found.outputs] == [(5, 2)]
    (states,) = (node.name for node in onnx.load(tmp_path / "net.onnx").graph.node if node.name == "states/Squeeze")
    assert read(tmp_path / "net.onnx", outputs=[states]).net().shape == (5, 3)


def test_tokens_are_read_back_as_tokens(tmp_path: Path) -> None:
    """An Embedding that reads the input, with nothing for the tokens that it does not have."""
    net = Net.of((Embedding(4, 3), "flatten"), {INPUT: (5,)})
    weights = drawn(net)
    assert_same(tmp_path / "net.onnx", net, weights, {INPUT: np.array([[0, 3, 4, -1, 2]], np.float32)})
    (layer,) = [each for each in read(tmp_path / "net.onnx").layers if isinstance(each, Embedding)]
    assert (layer.vocabulary, layer.units, layer.inputs) == (4, 3, (INPUT,))


def test_images_of_others_have_channels_first(tmp_path: Path) -> None:
    """The order of an input is that of the file's writer."""
    net = Net.of(("softmax", Conv2D(2, 1)), {INPUT: (3, 4, 5)})
    write(tmp_path / "net.onnx", net, drawn(net))
    assert read(tmp_path / "net.onnx").inputs == {INPUT: (3, 4, 5)}
    model = onnx.load(tmp_path / "net.onnx")
    model.producer_name = "another"
    onnx.save(model, tmp_path / "net.onnx")
    assert read(tmp_path / "net.onnx").inputs == {INPUT: (4, 5, 3)}
