"""Networks written by calling layers: they are the lists of layers that say the same by names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.relu import Relu
from spark_deepnet.net.handles import layers_of
from spark_deepnet.net.net import Net


def test_factors_belong_to_the_first_call_of_a_layer() -> None:
    encode = Dense(4, name="a", rates={"W": 0.5}, decays={"b": 1.0}, trainable=False)
    found = layers_of(Add()(encode(Input(name="x")), encode(Input(name="y"))))
    assert [
        (layer.share, layer.rates, layer.decays, layer.trainable) for layer in found if isinstance(layer, Dense)
    ] == [
        (None, {"W": 0.5}, {"b": 1.0}, False),
        ("a", None, None, True),
    ]


def chain() -> Any:
    x = Input((28, 28, 1), name="image")
    return Dense(10, "softmax")(Flatten()(Conv2D(20, 5)(x)))


def residual() -> Any:
    x = Dense(5, "relu")(Input())
    return Dense(2)(Add()(x, Dense(5)(x)))


def wide_and_deep() -> Any:
    wide, deep = Input(name="wide", column="w"), Input(name="deep", column="d")
    return Dense(2)(Concatenate()([wide, Dense(64, name="hidden")(deep), wide]))


def siamese() -> Any:
    encode, squash = Dense(4, "tanh"), Relu()
    a, b = (squash(encode(Input(name=name))) for name in "ab")
    return Dense(1)(Concatenate()(a, b))


def named_siamese() -> Any:
    encode = Dense(4, name="encode")
    return Add()(encode(Input(name="a")), BatchNorm()(encode(Input(name="b"))))


def two_outputs() -> Any:
    trunk = Dense(8)(Input())
    kind = Output(column="kind")(Dense(3, "softmax", name="kind")(trunk))
    return [kind, Output("squared", "years", 0.1, name="age")(Dense(1)(trunk))]


WRITTEN: list[tuple[Callable[[], Any], list[Any]]] = [
    (chain, [Input((28, 28, 1), name="image"), Conv2D(20, 5), Flatten(), Dense(10, "softmax")]),
    (residual, [Input(), Dense(5, "relu"), Dense(5), Add(inputs=("dense", "dense_2")), Dense(2)]),
    (
        wide_and_deep,
        [
            Input(name="wide", column="w"),
            Input(name="deep", column="d"),
            Dense(64, name="hidden"),
            Concatenate(inputs=("wide", "hidden", "wide")),
            Dense(2),
        ],
    ),
    (
        siamese,
        [
            Input(name="a"),
            Dense(4, "tanh"),
            Relu(),
            Input(name="b"),
            Dense(4, "tanh", share="dense"),
            Relu(),
            Concatenate(inputs=("relu", "relu_2")),
            Dense(1),
        ],
    ),
    (
        named_siamese,
        [
            Input(name="a"),
            Dense(4, name="encode"),
            Input(name="b"),
            Dense(4, share="encode"),
            BatchNorm(),
            Add(inputs=("encode", "batch_norm")),
        ],
    ),
    (
        two_outputs,
        [
            Input(),
            Dense(8),
            Dense(3, "softmax", name="kind"),
            Output(column="kind"),
            Dense(1, inputs=("dense",)),
            Output("squared", "years", 0.1, name="age"),
        ],
    ),
]


@pytest.mark.parametrize(("write", "layers"), WRITTEN, ids=lambda v: getattr(v, "__name__", ""))
def test_handles_say_what_the_list_of_layers_says(write: Callable[[], Any], layers: list[Any]) -> None:
    assert [layer.to_json() for layer in layers_of(write())] == [layer.to_json() for layer in layers]


def test_a_network_of_handles_is_that_of_the_list() -> None:
    assert Net.of(residual(), {"features": (4,)}) == Net.of(WRITTEN[1][1], {"features": (4,)})


def test_a_deep_network_of_diamonds_is_written_once_a_layer() -> None:
    x: Any = Dense(3)(Input())
    for _ in range(300):
        x = Add()(x, x)
    assert len(layers_of(x)) == 302
    assert len(repr(x)) < 100


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: Dense(3)("x"), "layer Dense(3) is called on 'x'; expected handles or Input layers"),
    (lambda: Dense(3)(Dense(2)), "is called on Dense(2); expected handles"),
    (lambda: Dense(3)(), "layer Dense(3) is called on nothing"),
    (lambda: Input()(Input()), "layer Input() is an input, so it cannot be called"),
    (lambda: Dense(3, inputs=("a",))(Input()), "has inputs=('a',) already"),
    (
        lambda: Dense(3)(Output()(Dense(2)(Input()))),
        "layer 'dense_2' reads 'dense/output', which is not an earlier layer",
    ),
    (lambda: [Dense(3)(Input()), Dense(3)], "expected only handles or only layers, found Dense(3)"),
    (lambda: Dense(3)(Input(), Input(name="b")), "layer 'dense' (dense) reads one layer, found 2"),
    (lambda: Dense(3, name="dense")(Dense(2)(Input())), "its name must be new"),
]


@pytest.mark.parametrize(("write", "fragment"), REFUSED, ids=[r[1] for r in REFUSED])
def test_what_cannot_be_called_or_written_is_refused(write: Callable[[], Any], fragment: str) -> None:
    with pytest.raises(NetworkError) as caught:
        layers_of(write())
    assert fragment in str(caught.value)
