"""The table of layers: what each must compute, in float64, and what it must refuse. A new layer adds its rows here."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, expit, log_softmax, ndtr

from spark_deepnet.layers.add import Add
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.elu import Elu
from spark_deepnet.layers.erf import Erf
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.gelu import Gelu
from spark_deepnet.layers.hard_sigmoid import HardSigmoid
from spark_deepnet.layers.hard_swish import HardSwish
from spark_deepnet.layers.hard_tanh import HardTanh
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.leaky_relu import LeakyRelu
from spark_deepnet.layers.linear import Linear
from spark_deepnet.layers.relu import Relu
from spark_deepnet.layers.selu import Selu
from spark_deepnet.layers.sigmoid import Sigmoid
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.layers.softplus import Softplus
from spark_deepnet.layers.swish import Swish
from spark_deepnet.layers.tanh import Tanh
from tests.cases.foreign_layers import FOREIGN_LAYERS
from tests.cases.graph_layers import GRAPH_LAYERS
from tests.cases.image_layers import IMAGE_LAYERS
from tests.cases.layer_case import KEY, LayerCase, rows_numbers, splitmix
from tests.cases.sequence_layers import SEQUENCE_LAYERS


def dropped(x: np.ndarray, rate: float) -> np.ndarray:
    """x after dropout in training, row n by the n-th of rows_numbers."""
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    keys = splitmix(np.full((len(x), 1), KEY), rows_numbers(len(x))[:, None])
    drawn = splitmix(keys, np.arange(flat.shape[1], dtype=np.uint64)[None, :])
    return np.where(drawn.astype(np.float64) >= rate * 2.0**64, flat / (1 - rate), 0).reshape(x.shape)


LAYERS = [
    LayerCase(
        Dense(3),
        (5,),
        lambda w, x: x @ w["W"] + w["b"],
        bad=(
            (lambda: Dense(0), "units must be an int of at least 1, found 0"),
            (lambda: Dense("3"), "units must be an int of at least 1, found '3'"),
            (lambda: Dense(2.0), "units must be an int"),
            (lambda: Dense(True), "units must be an int"),
            (lambda: Dense(3).shape(()), "at least one axis"),
            (lambda: Layer.of("dens"), "did you mean 'dense'?"),
            (lambda: Layer.of("dense"), "Dense needs units"),
            (lambda: Layer.of({"kind": "dense", "units": 3, "bais": True}), "did you mean 'bias'?"),
        ),
    ),
    LayerCase(Dense(3), (5, 4), lambda w, x: x @ w["W"] + w["b"]),
    LayerCase(Dense(4, bias=False, initializer="he_normal"), (1,), lambda w, x: x @ w["W"]),
    LayerCase(Dense(1, bias_initializer="uniform", bias_decays=True), (7,), lambda w, x: x @ w["W"] + w["b"]),
    LayerCase(Relu(), (3, 2), lambda w, x: np.maximum(x, 0), kinks=(0.0,)),
    LayerCase(
        LeakyRelu(),
        (6,),
        lambda w, x: np.where(x > 0, x, 0.01 * x),
        kinks=(0.0,),
        bad=((lambda: LeakyRelu(-0.1), "negative_slope must be at least 0, found -0.1"),),
    ),
    LayerCase(LeakyRelu(0.3), (2, 3), lambda w, x: np.where(x > 0, x, 0.3 * x), kinks=(0.0,)),
    LayerCase(
        Elu(),
        (6,),
        lambda w, x: np.where(x > 0, x, np.expm1(x)),
        bad=((lambda: Elu(0.0), "alpha must be above 0, found 0.0"),),
    ),
    LayerCase(Elu(0.4), (2, 3), lambda w, x: np.where(x > 0, x, 0.4 * np.expm1(x)), kinks=(0.0,)),
    LayerCase(
        Selu(),
        (6,),
        lambda w, x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        kinks=(0.0,),
    ),
    LayerCase(Gelu(), (2, 3), lambda w, x: x * ndtr(x)),
    LayerCase(
        Gelu(approximate=True),
        (6,),
        lambda w, x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    LayerCase(Erf(), (2, 3), lambda w, x: erf(x)),
    LayerCase(Swish(), (6,), lambda w, x: x * expit(x)),
    LayerCase(Sigmoid(), (2, 3), lambda w, x: expit(x)),
    LayerCase(Tanh(), (6,), lambda w, x: np.tanh(x)),
    LayerCase(Exponential(), (6,), lambda w, x: np.exp(x)),
    LayerCase(Softplus(), (6,), lambda w, x: np.logaddexp(0, x)),
    LayerCase(HardSigmoid(), (40,), lambda w, x: np.clip(x / 6 + 0.5, 0, 1), kinks=(-3.0, 3.0)),
    LayerCase(HardTanh(), (6,), lambda w, x: np.clip(x, -1, 1), kinks=(-1.0, 1.0)),
    LayerCase(HardSwish(), (40,), lambda w, x: x * np.clip(x / 6 + 0.5, 0, 1), kinks=(-3.0, 3.0)),
    LayerCase(Linear(), (2, 3), lambda w, x: x),
    LayerCase(
        Softmax(),
        (5,),
        lambda w, x: np.exp(log_softmax(x, axis=-1)),
        bad=((lambda: Softmax().shape(()), "its input has none"),),
    ),
    LayerCase(Softmax(), (3, 1, 4), lambda w, x: np.exp(log_softmax(x, axis=-1))),
    LayerCase(
        Dropout(0.5),
        (6,),
        lambda w, x: x,
        bad=(
            (lambda: Dropout(1.0), "rate must be at least 0 and below 1, found 1.0"),
            (lambda: Dropout(-0.5), "found -0.5"),
        ),
    ),
    LayerCase(Dropout(0.5), (6,), lambda w, x: dropped(x, 0.5), training=True),
    LayerCase(Dropout(0.1), (2, 3, 4), lambda w, x: dropped(x, 0.1), training=True),
    LayerCase(Dropout(0.0), (6,), lambda w, x: x, training=True),
    LayerCase(Flatten(), (2, 3, 4), lambda w, x: x.reshape(len(x), 24)),
    LayerCase(Flatten(), (4,), lambda w, x: x),
    LayerCase(
        Add(),
        ((2, 3), (2, 3)),
        lambda w, x: x[0] + x[1],
        bad=(
            (lambda: Add().shape(((2, 3), (2, 4))), "of one shape, found (2, 3), (2, 4)"),
            (lambda: Add().shape(((2, 3),)), "at least two inputs"),
        ),
    ),
    LayerCase(Add(), ((4,), (4,), (4,)), lambda w, x: x[0] + x[1] + x[2]),
    LayerCase(
        Concatenate(),
        ((2, 3), (2, 1)),
        lambda w, x: np.concatenate(x, axis=-1),
        bad=(
            (lambda: Concatenate().shape(((2, 3), (3, 3))), "in their last axis only, found (2, 3), (3, 3)"),
            (lambda: Concatenate().shape(((2, 3), (3,))), "in their last axis only"),
            (lambda: Concatenate().shape(((3,),)), "at least two inputs"),
        ),
    ),
    LayerCase(Concatenate(), ((4,), (1,), (3,)), lambda w, x: np.concatenate(x, axis=-1)),
    *FOREIGN_LAYERS,
    *GRAPH_LAYERS,
    *IMAGE_LAYERS,
    *SEQUENCE_LAYERS,
]
