"""Networks as ONNX graphs: onnxruntime computes what this package computes."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet.formats.onnx.export import model_of
from spark_deepnet.formats.onnx.writers._registry import writers
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.conv1d import Conv1D
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.local_response_norm import LocalResponseNorm
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.permute import Permute
from spark_deepnet.net.net import INPUT, Net, perceptron
from tests.cases.layer_case import LayerCase
from tests.cases.layers import LAYERS
from tests.cases.nets import NETS, WHOLE, NetCase, WholeCase
from tests.formats.onnx_runs import close, exported, operators, run, scored, session
from tests.layers.test_laws import EXEMPT, Passes
from tests.net import test_padding as padding

SCORING = [case for case in LAYERS if not case.training]
RECURRENT = ("simple_rnn", "lstm", "gru", "bidirectional")


def test_every_layer_has_a_writer() -> None:
    assert set(writers()) == set(Layer.installed()) - EXEMPT


def net_of(case: LayerCase) -> Net:
    """The layer of a case over inputs a, b, ..."""
    layer = case.layer
    shapes = case.x_shape if layer.multi_input else (case.x_shape,)
    names = tuple("abc"[: len(shapes)])
    chain = ("linear", layer) if isinstance(layer, Output) else (replace(layer, inputs=names),)
    return Net.of(chain, dict(zip(names, shapes, strict=True)))


def drawn_layer(case: LayerCase) -> tuple[Net, np.ndarray, dict[str, np.ndarray]]:
    """The network of a case, its weights, and four rows of each input."""
    passes, net = Passes(case, 4, np.float32), net_of(case)
    weights = net.layout.zeros()
    for name, array in net.layout.named(weights).items():
        array[...] = passes.w[name.rpartition("/")[2]]
    x = dict(zip(net.inputs, passes.x if case.layer.multi_input else (passes.x,), strict=True))
    if isinstance(case.layer, Embedding):
        x = {name: np.round(array) for name, array in x.items()}
    return net, weights, x


@pytest.mark.parametrize("case", SCORING, ids=lambda case: case.id)
def test_a_layer_computes_the_same(case: LayerCase) -> None:
    net, weights, x = drawn_layer(case)
    running = session(model_of(net, weights))
    for n in (4,) if case.layer.kind in RECURRENT else (4, 0):  # onnxruntime aborts over LSTM and GRU without rows
        rows = {name: array[:n] for name, array in x.items()}
        close(run(running, rows), scored(net, weights, rows))


@pytest.mark.parametrize("case", padding.CASES, ids=lambda case: case.id)
def test_rows_of_different_lengths_are_run_as_alone(case: padding.Case) -> None:
    """Empty rows too, and whatever lies behind a row's end."""
    x, weights, _ = padding.numbers(case)
    net, lengths = case.net(), np.minimum(padding.LENGTHS, case.longest)
    rows = {name: array.astype(np.float32) for name, array in x.items()}
    weights = weights.astype(np.float32)
    close(exported(net, weights, rows, lengths), scored(net, weights, rows, lengths))


def drawn(net: Net, seed: int = 0) -> np.ndarray:
    """Weights of which none is 0 or 1."""
    rng = np.random.default_rng(seed)
    weights = net.layout.init_weights(seed)
    for name, array in net.layout.named(weights).items():
        array += rng.uniform(0.1, 0.3, array.shape) if "variance" in name else rng.normal(scale=0.2, size=array.shape)
    return weights


@pytest.mark.parametrize("case", [*NETS, *WHOLE], ids=lambda case: case.id)
def test_a_network_computes_the_same(case: NetCase) -> None:
    rng, net = np.random.default_rng(1), case.net()
    tokens, lengths = (case.tokens, case.lengths) if isinstance(case, WholeCase) else (0, None)
    shape = (len(lengths or range(5)), *case.x_shape)
    x = {INPUT: rng.integers(0, tokens, shape) if tokens else rng.normal(size=shape)}
    known = None if lengths is None else np.array(lengths)
    weights = drawn(net)
    close(exported(net, weights, x, known), scored(net, weights, x, known))


def test_perceptrons_are_equal_to_five_digits() -> None:
    for sizes in ((20, 30, 7), (5, 64, 64, 3)):
        net = Net.of(perceptron(sizes), {INPUT: (sizes[0],)})
        x = {INPUT: np.random.default_rng(2).normal(size=(50, sizes[0]))}
        weights = drawn(net)
        (found,), (expected,) = exported(net, weights, x).values(), scored(net, weights, x).values()
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_tokens_are_whole_numbers_and_unknown_ones_are_zeros() -> None:
    net = Net.of((Embedding(4, 3, bias=True), Flatten()), {INPUT: (5,)})
    weights, x = drawn(net), {INPUT: np.array([[0, 3, 4, 2**40, -1]])}
    running = session(model_of(net, weights))
    assert running.get_inputs()[0].type == "tensor(int64)"
    (found,) = run(running, x).values()
    named = net.layout.named(weights)
    table = np.concatenate((named["embedding/E"], np.zeros((1, 3), np.float32)))
    np.testing.assert_allclose(found, (table[[0, 3, 4, 4, 4]] + named["embedding/b"]).reshape(1, -1), rtol=1e-6)


def test_tokens_among_numbers_are_rounded_as_here() -> None:
    net = Net.of(("linear", Embedding(4, 2)), {INPUT: (8,)})
    x = {INPUT: np.array([[-0.51, -0.5, 0.49, 0.5, 3.49, 3.5, 1e30, -1e30]])}
    weights = drawn(net)
    close(exported(net, weights, x), scored(net, weights, x), 1e-6)


IMAGES: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "LeNet": (
        (Conv2D(4, 3), MaxPool2D(2), Conv2D(6, 3), MaxPool2D(2, 2), Flatten(), Dense(9, "relu"), Dense(3)),
        (14, 13, 1),
    ),
    "CIFAR-10 quick": (
        (
            Conv2D(4, 5, padding=2),
            MaxPool2D(3, 2, ceil=True),
            "relu",
            Conv2D(4, 5, padding=2, activation="relu"),
            AveragePool2D(3, 2, ceil=True),
            LocalResponseNorm(3),
            Conv2D(5, 3, padding="same", strides=2, activation="relu"),
            AveragePool2D(3, 2, padding=1, ceil=True),
            Flatten(),
            Dense(3),
        ),
        (16, 17, 3),
    ),
    "channels in front as the layers have them": (
        (Permute((2, 3, 1)), Conv2D(4, 3), "batch_norm", "relu", Permute((3, 1, 2)), Flatten(), Dense(2)),
        (3, 8, 9),
    ),
    "sequence": ((Conv1D(4, 3), "tanh", Conv1D(3, 3, padding="same"), "batch_norm", "global_max_pool1d"), (9, 2)),
}
TRANSPOSES = {"LeNet": 2, "CIFAR-10 quick": 2, "channels in front as the layers have them": 0, "sequence": 1}


@pytest.mark.parametrize("name", IMAGES)
def test_transposes_stand_only_where_the_order_changes(name: str) -> None:
    layers, shape = IMAGES[name]
    net = Net.of(layers, {INPUT: shape})
    weights, x = drawn(net), {INPUT: np.random.default_rng(3).normal(size=(3, *shape))}
    assert list(operators(model_of(net, weights))).count("Transpose") == TRANSPOSES[name]
    close(exported(net, weights, x), scored(net, weights, x))


EXAMPLES: dict[str, tuple[tuple[str, str], tuple[Any, ...], dict[str, tuple[int, ...]]]] = {
    "LeNet": (("lenet", "lenet"), (5,), {INPUT: (28, 28, 1)}),
    "CIFAR-10 quick": (("cifar10", "quick"), (np.array([120.0, 110.0, 100.0]),), {INPUT: (32, 32, 3)}),
    "census": (("census", "layers"), ({"a": 4, "b": 7},), {"wide": (11,), "numbers": (5,), "a": (1,), "b": (1,)}),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_networks_of_the_examples_compute_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (module, function), arguments, shapes = EXAMPLES[name]
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    net = Net.of(getattr(import_module(module), function)(*arguments), shapes)
    rng, weights = np.random.default_rng(4), drawn(net)
    x = {each: rng.integers(0, 4, (3, *shape)).astype(np.float32) for each, shape in shapes.items()}
    assert list(operators(model_of(net, weights))).count("Transpose") == (0 if name == "census" else 2)
    close(exported(net, weights, x), scored(net, weights, x))


def test_nothing_is_left_to_runtimes() -> None:
    """Neither auto_pad nor ceil_mode, and only operators of the default domain."""
    for case in SCORING:
        net = net_of(case)
        for node in model_of(net, drawn(net)).graph.node:
            assert not {"auto_pad", "ceil_mode"} & {attribute.name for attribute in node.attribute}
            assert node.domain == ""


AROUND = {
    "Transpose",
    "Identity",
    "Where",
    "Unsqueeze",
    "Squeeze",
    "Cast",
    "Less",
    "And",
    "GreaterOrEqual",
    "Reshape",
    "Split",
}


@pytest.mark.parametrize("case", SCORING, ids=lambda case: case.id)
def test_the_operators_are_those_that_the_documentation_names(case: LayerCase) -> None:
    net = net_of(case)
    named = set(writers()[case.layer.kind].operators.replace(",", "").split())
    assert set(operators(model_of(net, drawn(net)))) - AROUND <= named | {"Floor", "Add"}


def test_the_versions_are_as_promised() -> None:
    net = Net.of((Dense(2),), {INPUT: (3,)})
    model = model_of(net, drawn(net))
    assert (model.ir_version, model.opset_import[0].version, model.producer_name) == (8, 17, "spark_deepnet")
    assert operators(model) == ["Gemm", "Identity"]
    steps = Net.of((Dense(2),), {INPUT: (4, 3)})
    assert operators(model_of(steps, drawn(steps))) == ["MatMul", "Add", "Identity"]


def test_shared_weights_are_written_once() -> None:
    net = Net.of((Dense(30, name="a"), Dense(30, share="a"), Dense(30, name="c")), {INPUT: (30,)})
    arrays = [array for array in model_of(net, drawn(net)).graph.initializer if list(array.dims) == [30, 30]]
    assert [array.name for array in arrays] == ["a/W", "c/W"]


def test_values_of_layers_are_outputs_too() -> None:
    net = Net.of((Conv2D(2, 3, name="conv"), "relu", Flatten(), Dense(2)), {INPUT: (5, 4, 1)})
    weights, x = drawn(net), {INPUT: np.random.default_rng(3).normal(size=(3, 5, 4, 1))}
    found = exported(net, weights, x, values=["conv", "relu"])
    assert {name: array.shape for name, array in found.items()} == {"conv": (3, 3, 2, 2), "relu": (3, 3, 2, 2)}
    np.testing.assert_array_equal(found["relu"], np.maximum(found["conv"], 0))
