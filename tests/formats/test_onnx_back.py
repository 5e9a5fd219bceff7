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
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from tests.cases.layer_case import LayerCase
from tests.cases.nets import NETS, WHOLE, NetCase, WholeCase
from tests.formats.onnx_runs import scored
from tests.formats.test_onnx_out import SCORING, drawn, drawn_layer

REFUSED = {"multi_head_attention": "multiplies two values of the network"}
"""Kind of layer -> why its operators cannot be read back."""


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
    net, weights, x = drawn_layer(case)
    if case.layer.kind in REFUSED:
        with pytest.raises(FormatError, match=REFUSED[case.layer.kind]):
            assert_same(tmp_path / "net.onnx", net, weights, x)
    else:
        assert_same(tmp_path / "net.onnx", net, weights, x)


@pytest.mark.parametrize(
    "case", [case for case in (*NETS, *WHOLE) if not getattr(case, "lengths", None)], ids=lambda case: case.id
)
def test_a_network_is_read_back(case: NetCase, tmp_path: Path) -> None:
    rng, net = np.random.default_rng(1), case.net()
    tokens, shape = case.tokens if isinstance(case, WholeCase) else 0, (5, *case.x_shape)
    x = rng.integers(0, tokens, shape).astype(float) if tokens else rng.normal(size=shape)
    assert_same(tmp_path / "net.onnx", net, drawn(net), {INPUT: x})


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
