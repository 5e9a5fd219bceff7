"""Networks from layers: names, edges, shapes, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spark_deepnet.errors import NetworkError, ParamError, UnknownNameError
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.net.net import INPUT, Net, perceptron
from tests.cases.nets import NETS, NetCase


def net(*layers: Any, width: int = 4) -> Net:
    return Net.of(layers, {INPUT: (width,)})


def names(found: Net) -> list[str]:
    return [node.name for node in found.nodes]


NAMED = [
    ((Dense(3),), ["dense"]),
    ((Dense(3), Dense(2), Dense(1)), ["dense", "dense_2", "dense_3"]),
    ((Dense(3, activation="relu"), Dense(2)), ["dense", "dense/relu", "dense_2"]),
    ((Dense(3, name="first", activation="relu"), "relu", "relu"), ["first", "first/relu", "relu", "relu_2"]),
    ((Dense(3, name="dense_2"), Dense(2), Dense(1)), ["dense_2", "dense", "dense_3"]),
    (({"kind": "dense", "units": 3}, "tanh"), ["dense", "tanh"]),
    ((Dense(3, name="a/1x1", activation="relu"), Dense(2, name="185")), ["a/1x1", "a/1x1/relu", "185"]),
    ((Dense(3, name="a/relu"), Dense(3, "relu", name="a"), Dense(2)), ["a/relu", "a", "a/relu_2", "dense"]),
    ((Dense(3, "relu", name="a"), Dense(3, name="a/relu"), Dense(2)), ["a", "a/relu_2", "a/relu", "dense"]),
]


@pytest.mark.parametrize(("layers", "expected"), NAMED)
def test_nodes_bear_their_kinds_numbered_where_they_recur(layers: tuple[Any, ...], expected: list[str]) -> None:
    assert names(net(*layers)) == expected


def test_a_layer_reads_the_one_before_it_or_those_it_names() -> None:
    found = net(Dense(3, name="a"), Dense(3), Add(inputs=("dense", "a")), Dense(2, inputs=("add",)))
    assert [node.inputs for node in found.nodes] == [(INPUT,), ("a",), ("dense", "a"), ("add",)]
    assert found.nodes[2].x == ((3,), (3,))
    assert found.nodes[3].x == (3,)


def test_the_name_of_a_layer_with_an_activation_means_what_the_activation_gives() -> None:
    found = net(Dense(3, name="a", activation="relu"), Dense(3), Add(inputs=("a", "dense")))
    assert found.nodes[1].inputs == ("a",)
    assert found.nodes[2].inputs == ("a/relu",)
    assert found.nodes[3].inputs == ("a/relu", "dense")


def test_shapes_follow_from_the_input() -> None:
    found = net(Dense(3), Dense(2, inputs=(INPUT,)), Concatenate(inputs=("dense", "dense_2")))
    assert [node.shape for node in found.nodes] == [(3,), (2,), (5,)]
    assert found.shape == (5,)


REFUSED = [
    ((), NetworkError, "the list is empty"),
    ((Dense(3, name="trunk"), Dense(2, inputs=("trnk",))), NetworkError, "did you mean 'trunk'?"),
    ((Dense(3), Dense(2, inputs=("x",))), NetworkError, "layer 'dense_2' reads 'x', which is not an earlier layer"),
    ((Dense(3, inputs=("dense_2",)), Dense(2)), NetworkError, "'dense_2', which is not an earlier layer"),
    ((Dense(3), Dense(2, inputs=(INPUT,))), NetworkError, "'dense' and 'dense_2' are read by no layer"),
    ((Dense(3, name="a"), "relu", "tanh", Dense(2, inputs=("a",))), NetworkError, "'tanh' and 'dense' are read by no"),
    ((Dense(3), Dense(2), Dense(1, inputs=("dense", "dense_2"))), NetworkError, "reads one layer, found 2"),
    ((Dense(3, name="a"), Dense(2), Add(inputs=("a", "dense"))), NetworkError, "layer 'add', after 'a' and 'dense'"),
    ((Dense(3), Add()), NetworkError, "layer 'add', after 'dense': Add takes at least two inputs"),
    ((Dense(3, name="a/b"), Dense(2, name="a/b")), NetworkError, "its name must be new, and a text, found 'a/b'"),
    ((Dense(3, name=185),), NetworkError, "its name must be new, and a text, found 185"),  # type: ignore[arg-type]
    ((Dense(3, name=""),), NetworkError, "its name must be new, and a text, found ''"),
    ((Dense(3, name="a"), Dense(2, name="a")), NetworkError, "its name must be new"),
    ((Dense(3, name=INPUT),), NetworkError, "its name must be new"),
    ((Dense(3, activation="relu", name="a"), Dense(2, name="a")), NetworkError, "its name must be new"),
    (
        (Dense(4, share="a"),),
        NetworkError,
        "shares the weights of 'a', which is not an earlier layer with its own weights",
    ),
    ((Dense(4, name="trunk"), Dense(4, share="trnk")), NetworkError, "did you mean 'trunk'?"),
    (("relu", Dense(4, share="relu")), NetworkError, "shares the weights of 'relu', which is not an earlier layer"),
    (
        (Dense(4, name="a"), Dense(4, share="a", name="b"), Dense(4, share="b")),
        NetworkError,
        "of 'b', which is not an earlier layer",
    ),
    ((Dense(3, name="a"), Dense(3, share="a")), NetworkError, "needs weights {'W': (3, 3), 'b': (3,)}, but 'a', which"),
    (
        (Dense(4, name="a"), Dense(4, share="a", bias=False)),
        NetworkError,
        "'dense' needs weights {'W': (4, 4)}, but 'a'",
    ),
    (
        (Input(name="other"), Dense(3)),
        NetworkError,
        "Input(name='other') is not an input of the network; known are features",
    ),
    ((Dense(3, rates={"w": 2.0}),), NetworkError, "rates names no weight of it, found 'w'; did you mean 'W'"),
    ((Dense(3, bias=False, decays={"b": 1.0}),), NetworkError, "decays names no weight of it, found 'b'; known are W"),
    (
        ("relu", Dense(3, "relu", rates={"W": -1.0})),
        ParamError,
        "rates must be weights with factors of at least 0, as in",
    ),
    ((Dense(3, rates={"W": float("nan")}),), ParamError, "found {'W': nan}"),
    ((Dense(3, decays=2.0),), ParamError, "decays must be weights with factors of at least 0"),
    ((Dense(3, trainable=0),), ParamError, "trainable must be True or False, found 0"),  # type: ignore[arg-type]
    (
        (Dense(4, name="a"), Dense(4, share="a", rates={"W": 2.0})),
        NetworkError,
        "uses the weights of 'a', which alone can have trainable, rates or decays",
    ),
    (("relo",), UnknownNameError, "did you mean 'relu'"),
    ((Dense(3, activation="tanhh"),), UnknownNameError, "did you mean 'tanh'?"),
]


@pytest.mark.parametrize(("layers", "error", "fragment"), REFUSED, ids=[r[2] for r in REFUSED])
def test_what_makes_no_network_is_refused_in_a_sentence(layers: Any, error: type[Exception], fragment: str) -> None:
    with pytest.raises(error) as caught:
        net(*layers)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("case", NETS, ids=lambda case: case.id)
def test_a_network_survives_the_json_of_its_layers(case: NetCase) -> None:
    told = json.loads(json.dumps([Layer.of(layer).to_json() for layer in case.layers]))
    assert Net.of(told, {INPUT: case.x_shape}) == case.net()


def test_an_input_layer_is_no_node_and_the_layer_after_it_reads_it() -> None:
    layers = [Input(name="a"), Dense(3), Input(name="b"), Dense(2), Concatenate(inputs=("dense", "dense_2", "a"))]
    found = Net.of(layers, {"a": (4,), "b": (5,)})
    assert [node.inputs for node in found.nodes] == [("a",), ("b",), ("dense", "dense_2", "a")]
    assert found.shape == (9,)
    assert Net.of([Input(), Dense(3)], {INPUT: (4,)}) == net(Dense(3))


def test_resized_networks_have_the_shapes_of_new_ones() -> None:
    layers = [Dense(3, name="a"), Dense(3, activation="tanh"), Add(inputs=("a", "dense")), Dense(2)]
    assert Net.of(layers, {INPUT: (9, 4)}).resized({INPUT: (2, 4)}) == Net.of(layers, {INPUT: (2, 4)})
    joined = [Concatenate(inputs=("a", "b")), Flatten()]
    found = Net.of(joined, {"a": (6, 1), "b": (6, 2)}).resized({"a": (2, 1), "b": (2, 2)})
    assert [node.shape for node in found.nodes] == [(2, 3), (6,)]
    with pytest.raises(NetworkError, match="in their last axis only"):
        found.resized({"a": (2, 1), "b": (3, 2)})


TOPS = [
    ((Dense(3, activation="softmax"),), "softmax", ["dense"]),
    ((Dense(3), "softmax"), "softmax", ["dense"]),
    ((Dense(3, activation="softmax"),), "sigmoid", ["dense", "dense/softmax"]),
    ((Dense(3, activation="softmax"),), None, ["dense", "dense/softmax"]),
    ((Dense(3),), "softmax", ["dense"]),
    (("softmax",), "softmax", ["softmax"]),
]


@pytest.mark.parametrize(("layers", "kind", "left"), TOPS)
def test_without_links_leaves_out_the_losss_own_link_alone(layers: Any, kind: str | None, left: list[str]) -> None:
    assert names(net(*layers).without_links([kind])) == left


@pytest.mark.parametrize(
    ("sizes", "top", "expected"),
    [
        ([4, 5, 3], "softmax", [Dense(5, activation="sigmoid"), Dense(3, activation="softmax")]),
        ([4, 3], "softmax", [Dense(3, activation="softmax")]),
        ([4, 2, 3, 1], None, [Dense(2, activation="sigmoid"), Dense(3, activation="sigmoid"), Dense(1)]),
    ],
)
def test_sizes_make_mllibs_perceptron(sizes: list[int], top: str | None, expected: list[Layer]) -> None:
    assert perceptron(sizes, top) == expected
