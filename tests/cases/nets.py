"""The table of networks: chains and graphs whose values and slopes must be right however their buffers are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.layers.add import Add
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.net.net import INPUT, Net

RELU_STACK = ("relu", "leaky_relu", "elu", "tanh")


@dataclass(frozen=True)
class NetCase:
    id: str
    layers: tuple[Any, ...]
    x_shape: tuple[int, ...] = (4,)

    def net(self) -> Net:
        return Net.of(self.layers, {INPUT: self.x_shape})


NETS = [
    NetCase("one layer", (Dense(3),)),
    NetCase("chain", (Dense(5, activation="tanh"), Dense(4, activation="sigmoid"), Dense(3))),
    NetCase("deep chain", (*(Dense(4, activation="tanh") for _ in range(6)), Dense(2))),
    NetCase("ends in an activation", (Dense(5, activation="softplus"), Dense(3, activation="softmax"))),
    NetCase("activations over activations", (Dense(6), "linear", "hard_tanh", "linear", "sigmoid", Dense(3))),
    NetCase("activations that read y in a row", (Dense(6), *RELU_STACK, Dense(3))),
    NetCase("activations that read x", (Dense(6), "gelu", "swish", "gelu", Dense(3, activation="hard_swish"))),
    NetCase("reads of x and y by turns", (Dense(6), "tanh", "gelu", "sigmoid", "swish", "elu", Dense(3))),
    NetCase("an activation on the input", ("tanh", Dense(3), "softmax")),
    NetCase("axes flattened", (Flatten(), Dense(5, activation="relu"), Dense(2)), (2, 3)),
    NetCase("flattened after an activation", ("tanh", Flatten(), Dense(2)), (2, 3)),
    NetCase("dropout", (Dense(8), Dropout(0.3), "tanh", Dropout(0.2), Dense(3))),
    NetCase("dropout on the input", (Dropout(0.4), Dense(3))),
    NetCase(
        "residual",
        (Dense(5, name="a"), Dense(5, activation="tanh"), Dense(5), Add(inputs=("a", "dense_2")), "tanh", Dense(2)),
    ),
    NetCase(
        "residual around an activation",
        (Dense(5, activation="tanh", name="a"), Dense(5), Add(inputs=("a", "dense")), Dense(2)),
    ),
    NetCase(
        "branches side by side",
        (
            Dense(5, activation="gelu", name="trunk"),
            Dense(3, activation="tanh", name="left"),
            Dense(2, activation="softplus", name="right", inputs=("trunk",)),
            Concatenate(inputs=("left", "right", "trunk")),
            Dense(3),
        ),
    ),
    NetCase(
        "the input read twice",
        (Dense(3, name="a"), Dense(2, name="b", inputs=(INPUT,)), Concatenate(inputs=("a", "b", INPUT)), Dense(2)),
    ),
    NetCase("one value read twice by one layer", (Dense(3, name="a"), Add(inputs=("a", "a")), Dense(2))),
    NetCase("one value read thrice by one layer", (Dense(3, name="a"), Concatenate(inputs=("a", "a", "a")), Dense(2))),
    NetCase(
        "two joins of the same two",
        (
            Dense(3, name="a"),
            Dense(3, name="b", inputs=(INPUT,)),
            Concatenate(inputs=("a", "b"), name="side"),
            Add(inputs=("a", "b"), name="sum"),
            Concatenate(inputs=("side", "sum")),
            Dense(2),
        ),
    ),
    NetCase(
        "three readers, two of them activations",
        (
            Dense(4, name="a"),
            "tanh",
            "gelu",
            {"kind": "sigmoid", "inputs": ("a",), "name": "s"},
            Add(inputs=("gelu", "s", "a")),
            Dense(2),
        ),
    ),
    NetCase(
        "a join over an activation that is read again",
        (
            Dense(4, activation="tanh", name="a"),
            Dense(4, activation="sigmoid", name="b"),
            Add(inputs=("a", "b"), name="c"),
            "tanh",
            Dense(4, name="d"),
            Add(inputs=("c", "d")),
            Dense(2),
        ),
    ),
    NetCase(
        "weights shared in a row", (Dense(4, name="a", activation="tanh"), Dense(4, share="a"), Dense(4, share="a"))
    ),
    NetCase(
        "weights shared by two branches",
        (
            Dense(3, name="a", activation="tanh"),
            Dense(3, name="b", inputs=(INPUT,), share="a"),
            Add(inputs=("a", "b"), name="c"),
            Dense(4, activation="sigmoid"),
            Dense(3, share="a"),
            Concatenate(inputs=("c", "dense_2", "a")),
            Dense(2),
        ),
    ),
    NetCase("weights shared by steps and by their sum", (Dense(3, name="a"), "tanh", Dense(3, share="a")), (2, 3)),
]
