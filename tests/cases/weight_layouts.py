"""Layers with the arrays that Keras and PyTorch have of them, and what these compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.lstm import LSTM
from tests.formats import foreign_math as math

Shape = tuple[int, ...]
Compute = Callable[..., np.ndarray]


@dataclass(frozen=True)
class LayoutCase:
    """Layers, and the foreign arrays by group or by name with the reference over them and over rows as they have them."""

    name: str
    layers: Sequence[Layer]
    shape: Shape
    arrays: Mapping[str, Sequence[Shape] | Shape]
    compute: Compute
    """(rows, arrays in the order of ``arrays``) -> the scores"""
    tokens: int = 0


def layer(kind: str, *values: Any, **fields: Any) -> Layer:
    cls: Any = Layer.named(kind)
    return cls(*values, **fields)


def both_ways(run: Compute, x: np.ndarray, forward: Sequence[np.ndarray], backward: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate((run(x, *forward), run(x[:, ::-1], *backward)[:, ::-1]), -1)


E = 1e-5
KERAS = [
    LayoutCase("Dense", [layer("dense", 3)], (5,), {"layers/dense": [(5, 3), (3,)]}, lambda x, W, b: x @ W + b),
    LayoutCase("Dense without bias", [layer("dense", 3, bias=False)], (5,), {"layers/dense": [(5, 3)]}, lambda x, W: x @ W),
    LayoutCase(
        "Flatten and Dense",
        [layer("flatten"), layer("dense", 3)],
        (3, 4, 2),
        {"layers/dense": [(24, 3), (3,)]},
        lambda x, W, b: x.reshape(len(x), -1) @ W + b,
    ),
    LayoutCase(
        "TimeDistributed", [layer("dense", 3)], (4, 5), {"layers/time_distributed/layer": [(5, 3), (3,)]},
        lambda x, W, b: x @ W + b,
    ),
    LayoutCase("Conv2D", [layer("conv2d", 4, (3, 2))], (6, 5, 3), {"layers/conv2d": [(3, 2, 3, 4), (4,)]}, math.keras_conv),
    LayoutCase(
        "Conv2D with groups",
        [layer("conv2d", 6, 2, groups=2)],
        (5, 4, 4),
        {"layers/conv2d": [(2, 2, 2, 6), (6,)]},
        lambda x, W, b: math.keras_conv(x, W, b, 2),
    ),
    LayoutCase(
        "Conv1D",
        [layer("conv1d", 4, 3)],
        (7, 2),
        {"layers/conv1d": [(3, 2, 4), (4,)]},
        lambda x, W, b: math.keras_conv(x[:, None], W[None], b)[:, 0],
    ),
    LayoutCase(
        "DepthwiseConv2D",
        [layer("conv2d", 6, 2, groups=3)],
        (5, 4, 3),
        {"layers/depthwise_conv2d": [(2, 2, 3, 2), (6,)]},
        lambda x, W, b: math.keras_depthwise(x, W) + b,
    ),
    LayoutCase(
        "SeparableConv2D",
        [layer("conv2d", 6, 2, groups=3, bias=False), layer("conv2d", 4, 1)],
        (5, 4, 3),
        {"layers/separable_conv2d": [(2, 2, 3, 2), (1, 1, 6, 4), (4,)]},
        lambda x, D, P, b: math.keras_depthwise(x, D) @ P[0, 0] + b,
    ),
    LayoutCase(
        "Conv2DTranspose",
        [layer("conv2d_transpose", 4, (3, 2), strides=2)],
        (4, 3, 2),
        {"layers/conv2d_transpose": [(3, 2, 4, 2), (4,)]},
        lambda x, W, b: math.keras_transpose(x, W, b, 2),
    ),
    LayoutCase(
        "BatchNormalization",
        [layer("batch_norm")],
        (4, 3, 5),
        {"layers/batch_normalization": [(5,), (5,), (5,), (5,)]},
        lambda x, g, b, m, v: g * math.normalized(x, m, v, 1e-3) + b,
    ),
    LayoutCase(
        "BatchNormalization without gamma",
        [layer("batch_norm", scale=False)],
        (5,),
        {"layers/batch_normalization": [(5,), (5,), (5,)]},
        lambda x, b, m, v: math.normalized(x, m, v, 1e-3) + b,
    ),
    LayoutCase(
        "LayerNormalization",
        [layer("layer_norm")],
        (4, 5),
        {"layers/layer_normalization": [(5,), (5,)]},
        lambda x, g, b: g * math.layer_normalized(x, 1e-3) + b,
    ),
    LayoutCase(
        "Normalization",
        [layer("normalization")],
        (4, 5),
        {"layers/normalization": [(5,), (5,), ()]},
        lambda x, m, v, n: (x - m) / np.sqrt(v),
    ),
    LayoutCase(
        "PReLU", [layer("prelu")], (3, 2, 4), {"layers/p_re_lu": [(1, 1, 4)]}, lambda x, a: np.where(x > 0, x, a * x)
    ),
    LayoutCase(
        "PReLU of a place", [layer("prelu", axes=3)], (3, 2, 4), {"layers/p_re_lu": [(3, 2, 4)]},
        lambda x, a: np.where(x > 0, x, a * x),
    ),
    LayoutCase(
        "Embedding",
        [layer("embedding", 9, 4)],
        (5,),
        {"layers/embedding": [(9, 4)]},
        lambda x, T: T[x.astype(int)],
        tokens=9,
    ),
    LayoutCase(
        "LSTM",
        [layer("lstm", 4, sequences=True)],
        (5, 3),
        {"layers/lstm/cell": [(3, 16), (4, 16), (16,)]},
        math.keras_lstm,
    ),
    LayoutCase(
        "LSTM without bias",
        [layer("lstm", 4, sequences=True)],
        (5, 3),
        {"layers/lstm/cell": [(3, 16), (4, 16)]},
        lambda x, W, U: math.keras_lstm(x, W, U, np.zeros(16)),
    ),
    LayoutCase(
        "GRU", [layer("gru", 4, sequences=True)], (5, 3), {"layers/gru/cell": [(3, 12), (4, 12), (2, 12)]}, math.keras_gru
    ),
    LayoutCase(
        "SimpleRNN",
        [layer("simple_rnn", 4, sequences=True)],
        (5, 3),
        {"layers/simple_rnn/cell": [(3, 4), (4, 4), (4,)]},
        math.keras_rnn,
    ),
    LayoutCase(
        "Bidirectional",
        [layer("bidirectional", LSTM(4, sequences=True))],
        (5, 3),
        {
            "layers/bidirectional/forward_layer/cell": [(3, 16), (4, 16), (16,)],
            "layers/bidirectional/backward_layer/cell": [(3, 16), (4, 16), (16,)],
        },
        lambda x, *a: both_ways(math.keras_lstm, x, a[:3], a[3:]),
    ),
    LayoutCase(
        "MultiHeadAttention",
        [layer("multi_head_attention", 2, 3)],
        (5, 4),
        {
            "layers/multi_head_attention/query_dense": [(4, 2, 3), (2, 3)],
            "layers/multi_head_attention/key_dense": [(4, 2, 3), (2, 3)],
            "layers/multi_head_attention/value_dense": [(4, 2, 3), (2, 3)],
            "layers/multi_head_attention/output_dense": [(2, 3, 4), (4,)],
        },
        lambda x, *a: math.keras_attention(x, a),
    ),
    LayoutCase(
        "GroupNormalization of channels",
        [layer("instance_norm")],
        (4, 3, 2),
        {"layers/group_normalization": [(2,), (2,)]},
        lambda x, g, b: g * math.normalized(x, x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True), 1e-3) + b,
    ),
]  # fmt: skip
_GATES = [(16, 3), (16, 4), (16,), (16,)]
TORCH = [
    LayoutCase("Linear", [layer("dense", 3)], (5,), {"fc.weight": (3, 5), "fc.bias": (3,)}, lambda x, W, b: x @ W.T + b),
    LayoutCase(
        "Linear behind an image",
        [layer("flatten"), layer("dense", 3)],
        (3, 4, 2),
        {"fc.weight": (3, 24), "fc.bias": (3,)},
        lambda x, W, b: x.reshape(len(x), -1) @ W.T + b,
    ),
    LayoutCase(
        "normalized features of an image",
        [
            layer("max_pool2d", 1),
            layer("flatten"),
            layer("relu"),
            layer("batch_norm", epsilon=E),
            layer("dropout", 0.5),
            layer("dense", 3, bias=False),
        ],
        (3, 4, 2),
        {"0.weight": (24,), "0.bias": (24,), "0.running_mean": (24,), "0.running_var": (24,), "1.weight": (3, 24)},
        lambda x, g, b, m, v, W: (
            (g * math.normalized(np.maximum(x.reshape(len(x), -1), 0), m, v, E) + b) @ W.T
        ),
    ),
    LayoutCase(
        "an image made of features",
        [layer("dense", 24), layer("layer_norm", epsilon=E), layer("reshape", (3, 4, 2)), layer("conv2d", 2, 2)],
        (5,),
        {"0.weight": (24, 5), "0.bias": (24,), "1.weight": (24,), "1.bias": (24,), "2.weight": (2, 2, 2, 2), "2.bias": (2,)},
        lambda x, W, b, g, c, K, d: math.torch_conv(
            (g * math.layer_normalized(x @ W.T + b, E) + c).reshape(-1, 2, 3, 4), K, d
        ),
    ),
    LayoutCase(
        "two images' features side by side",
        [
            layer("flatten", name="whole", inputs=("features",)),
            layer("max_pool2d", (3, 4), name="top", inputs=("features",)),
            layer("flatten", name="tops", inputs=("top",)),
            layer("concatenate", inputs=("tops", "whole")),
            layer("dense", 3),
        ],
        (3, 4, 2),
        {"fc.weight": (3, 26), "fc.bias": (3,)},
        lambda x, W, b: np.concatenate((x.max((2, 3)), x.reshape(len(x), -1)), 1) @ W.T + b,
    ),
    LayoutCase(
        "Conv1d, flattened",
        [layer("conv1d", 4, 3), layer("relu"), layer("flatten"), layer("dense", 2)],
        (7, 2),
        {"conv.weight": (4, 2, 3), "conv.bias": (4,), "fc.weight": (2, 20), "fc.bias": (2,)},
        lambda x, W, b, V, c: (
            np.maximum(math.torch_conv(x.transpose(0, 2, 1)[:, :, None], W[:, :, None], b), 0).reshape(len(x), -1) @ V.T + c
        ),
    ),
    LayoutCase(
        "LSTM, flattened",
        [layer("lstm", 4, sequences=True), layer("flatten"), layer("dense", 2)],
        (5, 3),
        dict(zip(("r.weight_ih_l0", "r.weight_hh_l0", "r.bias_ih_l0", "r.bias_hh_l0"), _GATES, strict=True))
        | {"z.weight": (2, 20), "z.bias": (2,)},
        lambda x, *a: math.torch_lstm(x, *a[:4]).reshape(len(x), -1) @ a[4].T + a[5],
    ),
    LayoutCase(
        "Conv2d", [layer("conv2d", 4, (3, 2))], (6, 5, 3), {"c.weight": (4, 3, 3, 2), "c.bias": (4,)}, math.torch_conv
    ),
    LayoutCase(
        "Conv2d with groups",
        [layer("conv2d", 6, 2, groups=2)],
        (5, 4, 4),
        {"c.weight": (6, 2, 2, 2), "c.bias": (6,)},
        lambda x, W, b: math.torch_conv(x, W, b, 2),
    ),
    LayoutCase(
        "depthwise Conv2d",
        [layer("conv2d", 6, 2, groups=3, bias=False)],
        (5, 4, 3),
        {"c.weight": (6, 1, 2, 2)},
        lambda x, W: math.torch_conv(x, W, np.zeros(6), 3),
    ),
    LayoutCase(
        "ConvTranspose2d with groups",
        [layer("conv2d_transpose", 6, (3, 2), strides=2, groups=2)],
        (3, 4, 4),
        {"c.weight": (4, 3, 3, 2), "c.bias": (6,)},
        lambda x, W, b: math.torch_transpose(x, W, b, 2, 2),
    ),
    LayoutCase(
        "BatchNorm2d",
        [layer("batch_norm", epsilon=E)],
        (4, 3, 2),
        {"n.weight": (2,), "n.bias": (2,), "n.running_mean": (2,), "n.running_var": (2,)},
        lambda x, *a: np.moveaxis(a[0] * math.normalized(np.moveaxis(x, 1, -1), a[2], a[3], E) + a[1], -1, 1),
    ),
    LayoutCase(
        "BatchNorm1d without weights",
        [layer("batch_norm", epsilon=E, scale=False, center=False)],
        (4,),
        {"n.running_mean": (4,), "n.running_var": (4,)},
        lambda x, m, v: math.normalized(x, m, v, E),
    ),
    LayoutCase(
        "LayerNorm",
        [layer("layer_norm", epsilon=E)],
        (4, 5),
        {"n.weight": (5,), "n.bias": (5,)},
        lambda x, g, b: g * math.layer_normalized(x, E) + b,
    ),
    LayoutCase(
        "LayerNorm of images",
        [layer("layer_norm", 3, E)],
        (4, 5, 2),
        {"n.weight": (2, 4, 5), "n.bias": (2, 4, 5)},
        lambda x, g, b: g * math.layer_normalized(x.reshape(len(x), -1), E).reshape(x.shape) + b,
    ),
    LayoutCase(
        "PReLU",
        [layer("prelu")],
        (3, 2, 4),
        {"p.weight": (4,)},
        lambda x, a: np.where(x > 0, x, a[:, None, None] * x),
    ),
    LayoutCase(
        "Embedding and positions",
        [layer("embedding", 9, 4), layer("positional_embedding", 5)],
        (5,),
        {"embed.weight": (9, 4), "positions": (1, 5, 4)},
        lambda x, E, P: E[x.astype(int)] + P,
        tokens=9,
    ),
    LayoutCase(
        "LSTM without bias",
        [layer("lstm", 4, sequences=True)],
        (5, 3),
        {"r.weight_ih_l0": (16, 3), "r.weight_hh_l0": (16, 4)},
        lambda x, W, U: math.torch_lstm(x, W, U, np.zeros(16), np.zeros(16)),
    ),
    LayoutCase(
        "GRU of two layers",
        [layer("gru", 4, sequences=True), layer("gru", 4, sequences=True)],
        (5, 4),
        {
            f"r.{name}_l{k}": shape
            for k in range(2)
            for name, shape in (
                ("weight_ih", (12, 4)), ("weight_hh", (12, 4)), ("bias_ih", (12,)), ("bias_hh", (12,))
            )
        },
        lambda x, *a: math.torch_gru(math.torch_gru(x, *a[:4]), *a[4:]),
    ),
    LayoutCase(
        "RNN",
        [layer("simple_rnn", 4, sequences=True)],
        (5, 3),
        {"r.weight_ih_l0": (4, 3), "r.weight_hh_l0": (4, 4), "r.bias_ih_l0": (4,), "r.bias_hh_l0": (4,)},
        math.torch_rnn,
    ),
    LayoutCase(
        "LSTM both ways",
        [layer("bidirectional", LSTM(4, sequences=True))],
        (5, 3),
        {
            f"r.{name}_l0{way}": shape
            for way in ("", "_reverse")
            for name, shape in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), _GATES, strict=True)
        },
        lambda x, *a: both_ways(math.torch_lstm, x, a[:4], a[4:]),
    ),
    LayoutCase(
        "MultiheadAttention",
        [layer("multi_head_attention", 2)],
        (5, 4),
        {"a.in_proj_weight": (12, 4), "a.in_proj_bias": (12,), "a.out_proj.weight": (4, 4), "a.out_proj.bias": (4,)},
        lambda x, *a: math.torch_attention(x, *a, heads=2),
    ),
]  # fmt: skip
