"""Layer types of Caffe and their options, each as a net that OpenCV reads too, or that NumPy computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.formats.caffe_files import input_text, layer_text

Arrays = list[np.ndarray]
IMAGE = (2, 4, 9, 11)
"""Two rows, so that an axis of rows that is mixed up is seen; odd sizes."""


@dataclass(frozen=True)
class TypeCase:
    """A net of a few layers over the input "data"."""

    name: str
    text: str
    shape: Sequence[int] = IMAGE
    reference: Callable[..., np.ndarray] | None = None
    """What it computes, from the input and the blobs of layer y; None: what OpenCV computes."""
    above_zero: bool = False
    """Whether its input must be above 0."""
    tolerance: float = 1e-4
    steps_first: bool = False
    """Whether the shape of its input is (steps, rows, features)."""
    tokens: int = 0
    """If above 0, its input is whole numbers below this."""


def one(name: str, kind: str, options: str = "", shape: Sequence[int] = IMAGE, **fields: object) -> TypeCase:
    return TypeCase(f"{kind}: {name}", layer_text(kind, options), shape, **fields)  # type: ignore[arg-type]


def conv(kind: str, name: str, options: str, shape: Sequence[int] = IMAGE) -> TypeCase:
    return one(name, kind, f"convolution_param {{ {options} }}", shape)


def two(name: str, kind: str, options: str = "", shape: Sequence[int] = IMAGE) -> TypeCase:
    """Of two values made from the input."""
    text = layer_text("TanH", top="a") + layer_text("Sigmoid", top="b") + layer_text(kind, options, "a b")
    return TypeCase(f"{kind}: {name}", text, shape)


def across_channels(x: np.ndarray) -> np.ndarray:
    """x / (2 + 0.7 / 3 sum of the squares of 3 channels)^0.5"""
    squares = np.pad(x * x, ((0, 0), (1, 1), (0, 0), (0, 0)))
    return x / np.sqrt(2 + 0.7 / 3 * (squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]))


def within_channel(x: np.ndarray) -> np.ndarray:
    """x / (1 + 1 / 9 sum of the squares of 3 x 3 cells)^0.5"""
    squares = np.pad(x * x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return x / np.sqrt(1 + sliding_window_view(squares, (3, 3), (2, 3)).sum((4, 5)) / 9)


def normalized(*axes: int) -> Callable[..., np.ndarray]:
    def values(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        return scale.reshape(-1, 1, 1) * x / np.sqrt((x * x).sum(axes, keepdims=True))

    return values


def deviation_plus_half(x: np.ndarray) -> np.ndarray:
    return (x - x.mean((2, 3), keepdims=True)) / (x.std((2, 3), keepdims=True) + 0.5)


def depthwise(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nchwij,cij->nchw", sliding_window_view(x, (3, 3), (2, 3)), W[:, 0]) + b[:, None, None]


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def cells(x: np.ndarray, W: np.ndarray, b: np.ndarray, U: np.ndarray) -> np.ndarray:
    """Caffe's LSTM over (rows, steps, features), gates i, f, o, g."""
    h, c, found = np.zeros((len(x), U.shape[1])), np.zeros((len(x), U.shape[1])), []
    for t in range(x.shape[1]):
        i, f, o, g = np.split(x[:, t] @ W.T + b + h @ U.T, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        found.append(h)
    return np.stack(found, 1)


def states(x: np.ndarray, W: np.ndarray, b: np.ndarray, U: np.ndarray, V: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Caffe's RNN over (rows, steps, features)."""
    h, found = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W.T + b + h @ U.T)
        found.append(np.tanh(h @ V.T + a))
    return np.stack(found, 1)


CASES = [
    conv("Convolution", "plain", "num_output: 6 kernel_size: 3"),
    conv("Convolution", "stride and padding", "num_output: 5 kernel_size: 3 stride: 2 pad: 1"),
    conv("Convolution", "two numbers", "num_output: 5 kernel_size: 3 kernel_size: 5 stride: 1 stride: 2 pad: 0 pad: 2"),
    conv("Convolution", "h and w", "num_output: 5 kernel_h: 1 kernel_w: 4 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 3"),
    conv("Convolution", "dilation", "num_output: 3 kernel_size: 3 dilation: 2 pad: 2"),
    conv("Convolution", "groups", "num_output: 6 kernel_size: 3 group: 2"),
    conv("Convolution", "depthwise", "num_output: 4 kernel_size: 3 group: 4 pad: 1"),
    conv("Convolution", "without bias", "num_output: 6 kernel_size: 1 bias_term: false"),
    conv("Convolution", "one filter", "num_output: 1 kernel_size: 3"),
    conv("Deconvolution", "plain", "num_output: 3 kernel_size: 4 stride: 2 pad: 1"),
    conv("Deconvolution", "groups", "num_output: 4 kernel_size: 3 stride: 3 group: 2"),
    conv("Deconvolution", "without bias", "num_output: 2 kernel_size: 2 stride: 2 bias_term: false"),
    *[
        one(name, "Pooling", f"pooling_param {{ {options} }}", shape)
        for name, options, shape in (
            ("max", "kernel_size: 2 stride: 2", IMAGE),
            ("max, last window over the edge", "pool: MAX kernel_size: 3 stride: 2", (2, 3, 8, 12)),
            ("max, padding", "kernel_size: 3 stride: 2 pad: 1", (2, 3, 8, 7)),
            ("max, floor", "kernel_size: 3 stride: 2 ceil_mode: false", (2, 3, 8, 12)),
            ("average", "pool: AVE kernel_size: 3 stride: 2", (2, 3, 8, 12)),
            ("average, padding", "pool: AVE kernel_size: 3 stride: 2 pad: 1", (2, 3, 8, 7)),
            ("average, h and w", "pool: AVE kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2", IMAGE),
            ("global average", "pool: AVE global_pooling: true", IMAGE),
            ("global max", "pool: MAX global_pooling: true", IMAGE),
        )
    ],
    one(
        "round_mode",
        "Pooling",
        "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }",
        (2, 3, 8, 12),
        reference=lambda x: sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5)),
    ),
    one("image", "InnerProduct", "inner_product_param { num_output: 7 }"),
    one("vector", "InnerProduct", "inner_product_param { num_output: 7 bias_term: false }", (3, 10)),
    TypeCase(
        "InnerProduct: behind Flatten",
        layer_text("Flatten", top="flat") + layer_text("InnerProduct", "inner_product_param { num_output: 3 }", "flat"),
    ),
    one("plain", "ReLU"),
    one("six", "ReLU6", reference=lambda x: np.clip(x, 0, 6)),
    one("leaky", "ReLU", "relu_param { negative_slope: 0.2 }"),
    one("plain", "ELU", "elu_param { alpha: 1 }"),
    one("plain", "Sigmoid"),
    one("plain", "TanH"),
    one("plain", "BNLL"),
    one("scale and shift", "Power", "power_param { scale: 2.5 shift: -1 }"),
    one("square", "Power", "power_param { power: 2 scale: 0.5 shift: 1 }"),
    one("root", "Power", "power_param { power: 0.5 scale: 2 }", above_zero=True),
    one("plain", "AbsVal"),
    one("base e", "Log", "log_param { scale: 2 shift: 0.5 }", reference=lambda x: np.log(2 * x + 0.5), above_zero=True),
    one("base 2", "Log", "log_param { base: 2 }", reference=np.log2, above_zero=True),
    one("plain", "Clip", "clip_param { min: -0.5 max: 1 }", reference=lambda x: np.clip(x, -0.5, 1)),
    one("channels", "PReLU"),
    one("shared", "PReLU", "prelu_param { channel_shared: true }", reference=lambda x, a: np.where(x > 0, x, a * x)),
    one("base e", "Exp", "exp_param { scale: 0.5 shift: 0.1 }"),
    one("base 2", "Exp", "exp_param { base: 2 scale: 0.5 shift: 0.1 }"),
    one("across channels", "LRN", "lrn_param { local_size: 3 alpha: 0.7 beta: 0.75 }"),
    one("k", "LRN", "lrn_param { local_size: 3 alpha: 0.7 beta: 0.5 k: 2 }", reference=across_channels),
    one(
        "WITHIN_CHANNEL ignores k",
        "LRN",
        "lrn_param { local_size: 3 beta: 0.5 norm_region: WITHIN_CHANNEL k: 9 }",
        reference=within_channel,
    ),
    one("within channel", "LRN", "lrn_param { local_size: 3 alpha: 0.7 beta: 0.5 norm_region: WITHIN_CHANNEL }"),
    one("plain", "BatchNorm", "batch_norm_param { eps: 0.01 }"),
    one("global", "BatchNorm", "batch_norm_param { use_global_stats: true }"),
    one("plain", "MVN"),
    one("across channels", "MVN", "mvn_param { across_channels: true }"),
    one("mean alone", "MVN", "mvn_param { normalize_variance: false }"),
    one("eps", "MVN", "mvn_param { eps: 0.5 }", reference=deviation_plus_half),
    one("across an image", "Normalize", "norm_param { channel_shared: false }", reference=normalized(1, 2, 3)),
    one("along channels", "Normalize", "norm_param { across_spatial: false channel_shared: false }"),
    one("factor for all", "Normalize", "norm_param { across_spatial: false }", reference=normalized(1)),
    one("plain", "Scale"),
    one("bias", "Scale", "scale_param { bias_term: true }"),
    one("vector", "Scale", "scale_param { bias_term: true }", (3, 5)),
    TypeCase(
        "Scale: by a second bottom",
        layer_text("Pooling", "pooling_param { pool: AVE global_pooling: true }", top="a")
        + layer_text("Flatten", "", "a", "b")
        + layer_text("Scale", "scale_param { axis: 0 }", "data b"),
        reference=lambda x: x * x.mean((2, 3), keepdims=True),
    ),
    TypeCase(
        "Bias: by a second bottom",
        layer_text("TanH", top="a") + layer_text("Bias", "bias_param { axis: 0 }", "data a"),
        reference=lambda x: x + np.tanh(x),
    ),
    one("plain", "Bias", reference=lambda x, b: x + b[:, None, None]),
    one(
        "sequence",
        "Embed",
        "embed_param { input_dim: 4 num_output: 3 }",
        (2, 5),
        reference=lambda x, E, b: E[x.astype(int)] + b,
        tokens=4,
    ),
    one("channels", "Softmax", shape=(2, 5)),
    one("channels of an image", "Softmax"),
    one("last axis", "Softmax", "softmax_param { axis: 3 }"),
    one("middle axis", "Softmax", "softmax_param { axis: -2 }"),
    one("plain", "Flatten"),
    one("from axis 2", "Flatten", "flatten_param { axis: 2 }"),
    one("one axis", "Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"),
    one("three axes", "Reshape", "reshape_param { shape { dim: 0 dim: 12 dim: -1 } }"),
    one("four axes", "Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 11 } }"),
    one("kept sizes", "Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: -1 } }"),
    one("channels last", "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    one("two axes", "Permute", "permute_param { order: 0 order: 1 order: 3 order: 2 }"),
    TypeCase(
        "Permute: there and back",
        layer_text("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", top="a")
        + layer_text("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }", "a"),
    ),
    two("channels", "Concat"),
    two("last axis", "Concat", "concat_param { axis: 3 }"),
    two("old name", "Concat", "concat_param { concat_dim: 1 }"),
    two("sum", "Eltwise"),
    two("sum with coefficients", "Eltwise", "eltwise_param { operation: SUM coeff: 0.5 coeff: -2 }"),
    two("product", "Eltwise", "eltwise_param { operation: PROD }"),
    two("maximum", "Eltwise", "eltwise_param { operation: MAX }"),
    TypeCase(
        "Slice: equal parts",
        layer_text("Slice", top="a b") + layer_text("TanH", "", "b", "c") + layer_text("Eltwise", "", "a c"),
    ),
    TypeCase(
        "Slice: points along rows",
        layer_text("Slice", "slice_param { axis: 2 slice_point: 2 slice_point: 5 }", top="a b c")
        + layer_text("Concat", "concat_param { axis: 2 }", "c a b"),
    ),
    TypeCase(
        "Crop: offsets",
        layer_text("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", top="small")
        + layer_text("Crop", "crop_param { axis: 2 offset: 1 offset: 3 }", "data small"),
    ),
    TypeCase("Split: two tops", layer_text("Split", top="a b") + layer_text("Eltwise", "", "a b")),
    one("beta 2", "Swish", "swish_param { beta: 2 }", reference=lambda x: x / (1 + np.exp(-2 * x))),
    one("beta 1", "Swish", reference=lambda x: x / (1 + np.exp(-x))),
    *[
        one("plain", kind, "convolution_param { num_output: 4 kernel_size: 3 }", reference=depthwise)
        for kind in ("ConvolutionDepthwise", "DepthwiseConvolution")
    ],
    *[
        TypeCase(
            f"{kind}: behind the input",
            input_text((5, 2), "cont")
            + layer_text(kind, "recurrent_param { num_output: 3 }", "data cont")
            + layer_text("ReLU", "", "y", "z"),
            (5, 2, 4),
            reference=lambda *arrays, compute=compute: np.maximum(compute(*arrays), 0),
            steps_first=True,
        )
        for kind, compute in (("LSTM", cells), ("RNN", states))
    ],
    TypeCase(
        "LSTM: below a layer of every step",
        input_text((5, 2), "cont")
        + layer_text("LSTM", "recurrent_param { num_output: 3 }", "data cont", "y")
        + layer_text("Softmax", "softmax_param { axis: 2 }", "y", "z"),
        (5, 2, 4),
        reference=lambda *arrays: softmax(cells(*arrays)),
        steps_first=True,
    ),
    TypeCase("Dropout: scoring", layer_text("Dropout") + layer_text("ReLU", "", "y", "z")),
    TypeCase(
        "layers in place",
        layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
        + layer_text("BatchNorm", "", "y", "y", "norm")
        + layer_text("ReLU", "", "y", "y", "relu"),
    ),
]
