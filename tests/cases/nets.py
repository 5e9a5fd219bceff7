"""The table of networks: chains and graphs whose values and gradients must be right however their buffers are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.layers.add import Add
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.positional_embedding import PositionalEmbedding
from spark_deepnet.layers.spatial_dropout2d import SpatialDropout2D
from spark_deepnet.net.net import INPUT, Net

RELU_STACK = ("relu", "leaky_relu", "elu", "tanh")


@dataclass(frozen=True)
class NetCase:
    id: str
    layers: tuple[Any, ...]
    x_shape: tuple[int, ...] = (4,)

    def net(self) -> Net:
        return Net.of(self.layers, {INPUT: self.x_shape})


@dataclass(frozen=True)
class WholeCase(NetCase):
    """A network as one would train it, of sizes that few numbers divide."""

    tokens: int = 0
    """Its features are tokens below so many; 0: they are numbers."""
    lengths: tuple[int, ...] | None = None
    """Of the rows, where they are sequences of different lengths."""


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
    NetCase(
        "names with slashes, as those of activations and of exchanges between blocks",
        (
            Dense(4, "tanh", name="a"),
            Dense(4, "tanh", name="a/tanh"),
            Dense(4, name="185", inputs=("a",), share="a/tanh"),
            Add(inputs=("a/tanh", "185", "a"), name="/a/gather"),
            Dense(4, name="/a"),
            Dense(3, name="/a/reduce"),
            Dense(3, name="/a/copy"),
            Dense(2, name="/a/reduce/copy"),
        ),
    ),
    NetCase("weights shared by steps and by their sum", (Dense(3, name="a"), "tanh", Dense(3, share="a")), (2, 3)),
]

WHOLE = [
    WholeCase("perceptron", (Dense(13, "relu"), BatchNorm(), Dropout(0.3), Dense(9, "tanh"), Dense(5)), (7,)),
    WholeCase(
        "LeNet",
        (
            Conv2D(5, 3, padding=1, activation="relu"),
            MaxPool2D(2),
            Conv2D(7, 3, activation="tanh"),
            SpatialDropout2D(0.2),
            Flatten(),
            Dense(11, "relu"),
            Dense(3),
        ),
        (9, 8, 1),
    ),
    WholeCase(
        "LSTM over tokens",
        (
            Embedding(11, 5),
            LSTM(7, sequences=True, peepholes=True),
            Dropout(0.2),
            Bidirectional(GRU(5)),
            Dense(3),
        ),
        (6,),
        tokens=11,
        lengths=(6, 3, 0, 5),
    ),
    WholeCase(
        "transformer",
        (
            PositionalEmbedding(5),
            Dense(8, name="a"),
            "layer_norm",
            MultiHeadAttention(4),
            Add(inputs=("a", "multi_head_attention"), name="b"),
            "layer_norm",
            Dense(13, "gelu"),
            Dense(8, name="c"),
            Add(inputs=("b", "c")),
            "global_average_pool1d",
            Dense(3),
        ),
        (5, 6),
        lengths=(5, 2, 1, 4),
    ),
]
