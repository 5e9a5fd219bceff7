"""Graphs as exporters write them, read and compared with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.read import read
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec
from tests.formats.caffe_files import count_permutes
from tests.formats.onnx_files import check, computed, graph, node, scores

ONE, ZERO = np.array([1]), np.array([0])


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def sizes(of: str, *axes: int) -> list[Any]:
    """Nodes that give sizes of a value as vectors of one number: ``size0``, ``size1``, ..."""
    nodes = [node("Shape", of, "shape")]
    for axis in axes:
        nodes += [
            node("Constant", "", f"at{axis}", value_int=axis),
            node("Gather", f"shape at{axis}", f"n{axis}", axis=0),
        ]
        nodes += [node("Unsqueeze", f"n{axis} zero", f"size{axis}")]
    return nodes


def test_images_flatten_in_the_order_of_the_file(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x W b", "c", "/conv/Conv", pads=[1, 0, 2, 1], strides=[2, 1]),
        node("Relu", "c", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("GlobalAveragePool", "p", "g"),
        node("Mul", "p g", "scaled"),
        *sizes("scaled", 0),
        node("Concat", "size0 rest", "to", axis=0),
        node("Reshape", "scaled to", "flat"),
        node("Gemm", "flat B C", "y", transB=1, alpha=0.5, beta=2.0),
        node("Softmax", "y", "prob"),
    ]
    arrays = {"W": random(4, 3, 3, 3), "b": random(4), "zero": ZERO, "rest": np.array([-1])}
    arrays |= {"B": random(5, 4 * 3 * 4), "C": random(5)}
    model = graph(nodes, {"x": ["batch", 3, 8, 9]}, ["prob"], arrays)
    foreign = check(model, tmp_path, {"x": random(6, 3, 8, 9)})
    assert count_permutes(foreign.net()) == 0
    assert foreign.inputs == {"x": (8, 9, 3)}
    assert foreign.names["p"] == Value("p", (4, 3, 4))
    assert foreign.loss is not None
    assert foreign.loss.kind == "softmax_cross_entropy"
    assert "/conv/Conv/W" in foreign.weights


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 1), (5, 1, 1), (5, 4, 3), (1, 5, 4, 3), (1, 5, 1, 3), (1, 1, 4, 1)])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
def test_constants_go_with_images_along_any_axes(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    c = np.abs(random(*shape)) + 0.1
    nodes = [node(op, "x c", "y"), node(op, "c x" if op != "Div" else "y c", "z")]
    check(graph(nodes, {"x": ["n", 5, 4, 3]}, ["y", "z"], {"c": c}), tmp_path, {"x": random(2, 5, 4, 3)})


def test_a_vector_grows_by_a_constant(tmp_path: Path) -> None:
    model = graph([node("Mul", "x c", "y")], {"x": ["n", 1, 2]}, ["y"], {"c": random(1, 3, 2)})
    check(model, tmp_path, {"x": random(4, 1, 2)})


def test_images_with_channels_last_are_held_as_they_are(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Conv", "t W", "c"),
        node("Transpose", "c", "u", perm=[0, 2, 3, 1]),
        node("Add", "u b", "y"),
    ]
    model = graph(nodes, {"x": ["n", 6, 7, 3]}, ["y"], {"W": random(2, 3, 2, 2), "b": random(2)})
    foreign = check(model, tmp_path, {"x": random(2, 6, 7, 3)})
    assert foreign.inputs == {"x": (6, 7, 3)}
    assert count_permutes(foreign.net()) == 0


def test_sequences_of_features_meet_products_and_norms(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x W", "m"),
        node("Add", "m b", "a"),
        node("LayerNormalization", "a g b", "n", axis=-1),
        *sizes("n", 2),
        node("Cast", "size2", "f", to=onnx.TensorProto.FLOAT),
        node("Sqrt", "f", "root"),
        node("Div", "n root", "d"),
        node("ReduceMean", "d", "y", axes=[1], keepdims=0),
    ]
    arrays = {"W": random(3, 4), "b": random(4), "g": random(4), "zero": ZERO}
    model = graph(nodes, {"x": ["n", 6, 3]}, ["y"], arrays)
    assert check(model, tmp_path, {"x": random(5, 6, 3)}).inputs == {"x": (6, 3)}


def test_sequences_of_channels_meet_convolutions(tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x W b", "c", dilations=[2], pads=[1, 3]),
        node("BatchNormalization", "c g b m v", "n"),
        node("AveragePool", "n", "p", kernel_shape=[3], strides=[2], pads=[1, 1]),
        node("PRelu", "p alpha", "y"),
    ]
    arrays = {"W": random(4, 3, 3), "b": random(4), "g": random(4), "m": random(4), "v": np.abs(random(4, seed=1))}
    model = graph(nodes, {"x": ["n", 3, 11]}, ["y"], arrays | {"alpha": random(4, 1)})
    assert check(model, tmp_path, {"x": random(5, 3, 11)}).inputs == {"x": (11, 3)}


RECURRENT = [
    ("LSTM", 4, {"direction": "bidirectional"}, 3, True),
    ("LSTM", 4, {"direction": "reverse"}, 0, False),
    ("GRU", 3, {"direction": "forward", "linear_before_reset": 1}, 0, True),
    ("GRU", 3, {"direction": "bidirectional", "linear_before_reset": 1}, 0, False),
    ("RNN", 1, {"direction": "reverse", "activations": ["Relu"]}, 0, True),
]


@pytest.mark.parametrize("case", RECURRENT, ids=lambda case: f"{case[0]} {case[2]['direction']}")
def test_recurrent_operators_begin_with_zeros_of_the_number_of_rows(case: tuple[Any, ...], tmp_path: Path) -> None:
    op, gates, attributes, peepholes, expanded = case
    ways, units = 2 if attributes["direction"] == "bidirectional" else 1, 5
    state = node("ConstantOfShape", "size", "h") if not expanded else node("Expand", "nought size", "h")
    states = "h h" if op == "LSTM" else "h"
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        *sizes("x", 0),
        node("Concat", "ways size0 units", "size", axis=0),
        state,
        node(op, f"t W R B - {states}" + (" P" if peepholes else ""), "Y Yh", hidden_size=units, **attributes),
        node("Transpose", "Y", "Yt", perm=[2, 0, 1, 3]),
        node("Reshape", "Yt flat", "y"),
        node("Squeeze" if ways == 1 else "Transpose", "Yh zero" if ways == 1 else "Yh", "z", **PERM[ways]),
    ]
    arrays = {"W": random(ways, gates * units, 3), "R": random(ways, gates * units, units), "zero": ZERO}
    arrays |= {"B": random(ways, 2 * gates * units), "ways": np.array([ways]), "units": np.array([units])}
    arrays |= {"flat": np.array([0, 0, -1]), "nought": np.zeros((1, 1, 1), np.float32)}
    arrays |= {"P": random(ways, 3 * units)} if peepholes else {}
    model = graph(nodes, {"x": ["n", 7, 3]}, ["y", "z"], arrays)
    check(model, tmp_path, {"x": random(4, 7, 3)})


PERM: dict[int, dict[str, Any]] = {1: {}, 2: {"perm": [1, 0, 2]}}


def test_tokens_are_looked_up(tmp_path: Path) -> None:
    nodes = [node("Gather", "E x", "e"), node("ReduceSum", "e axis", "s", keepdims=0), node("Gemm", "s W", "y")]
    arrays = {"E": random(11, 4), "axis": ONE, "W": random(4, 2)}
    model = graph(nodes, {"x": ["n", 6]}, ["y"], arrays, types={"x": onnx.TensorProto.INT64})
    check(model, tmp_path, {"x": np.random.default_rng(0).integers(0, 11, (3, 6))})


def test_a_softmax_of_old_versions_runs_over_all_axes_from_one_on(tmp_path: Path) -> None:
    model = graph([node("Softmax", "x", "y", axis=1)], {"x": ["n", 3, 2, 4]}, ["y"], opset=11)
    check(model, tmp_path, {"x": random(5, 3, 2, 4)})


def test_weights_may_stand_among_the_inputs_and_be_bound(tmp_path: Path) -> None:
    nodes = [node("Gemm", "x W b", "y")]
    model = graph(nodes, {"x": [1, 3], "W": [3, 2], "b": [2]}, ["y"], {"W": random(3, 2), "b": random(2)})
    assert set(check(model, tmp_path, {"x": random(1, 3)}).inputs) == {"x"}


def test_a_name_in_the_middle_leaves_out_what_is_behind(tmp_path: Path) -> None:
    nodes = [node("Gemm", "x W", "y", "first"), node("NonMaxSuppression", "y y", "z"), node("Sigmoid", "y", "s")]
    path = tmp_path / "net.onnx"
    path.write_bytes(graph(nodes, {"x": ["n", 3]}, ["z"], {"W": random(3, 2)}).SerializeToString())
    for name in ("y", "first"):
        layers = read(path, outputs=[name]).layers
        assert [layer for layer in layers if isinstance(layer, Dense)]
    assert read(path, outputs=["s"]).loss.kind == "sigmoid_cross_entropy"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ((Conv2D(4, 3, activation="relu"), MaxPool2D(2), Flatten(), Dense(3, "softmax")), (8, 7, 2)),
        ((Dense(5, "relu"), Dense(3, "softmax")), (4,)),
        ((LSTM(4), Dense(3, "softmax")), (6, 3)),
    ],
)
def test_what_this_package_writes_comes_back(layers: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    architecture = Architecture(layers, (InputSpec(shape),), Loss.of("softmax_cross_entropy"))
    net = architecture.scores_net()
    flat = net.layout.init_weights(1)
    model, path = model_of(net, flat, heads=architecture.heads()), tmp_path / "own.onnx"
    path.write_bytes(model.SerializeToString())
    foreign, x = read(path), {"features": random(5, *shape)}
    assert foreign.inputs == {"features": shape}
    assert foreign.loss == Loss.of("softmax_cross_entropy")
    expected = dict(zip([each.name for each in model.graph.output], computed(model, x), strict=True))
    (prob,) = scores(foreign, x, ["probability"])
    np.testing.assert_allclose(prob, expected["probability"], atol=1e-5)
