"""Which arrays Keras has of a layer, in which shapes. Axes and gates are in this package's order but for the cases here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from spark_deepnet.formats.matching import Expected
from spark_deepnet.layers.layer import Arrays, Shape
from spark_deepnet.net.node import Node

Convert = Callable[[Sequence[np.ndarray]], Arrays]


def expected_arrays(node: Node) -> list[Expected]:
    """The arrays in Keras's order: those of the layer's weights in their order, or what its kind adds."""
    shapes = {name: weight.shape for name, weight in node.weights().items()}
    usual = _expected(list(shapes.values()), lambda arrays: dict(zip(shapes, arrays, strict=True)))
    special = _SPECIAL.get(node.layer.kind)
    return [usual] if special is None else [*special(node, shapes, usual)]


def _expected(shapes: Sequence[Shape], convert: Convert) -> Expected:
    return Expected(
        {str(k): shape for k, shape in enumerate(shapes)},
        lambda arrays: convert([arrays[key] for key in sorted(arrays, key=int)]),
    )


def _convolution(node: Node, shapes: dict[str, Shape], usual: Expected) -> Iterable[Expected]:
    """A depthwise kernel is (..., channels, multiplier), of whose filters those of a channel are neighbours."""
    layer, own = node.layer, shapes["W"]
    channels = node.x[-1]
    depthwise = getattr(layer, "groups", 1) == channels
    if not depthwise or channels > 1:
        yield usual
    if depthwise:
        kernel = (*own[:-2], channels, own[-1] // channels)
        others = [shape for name, shape in shapes.items() if name != "W"]
        yield _expected(
            [kernel, *others], lambda arrays: dict(zip(shapes, [arrays[0].reshape(own), *arrays[1:]], strict=True))
        )


def _recurrent(node: Node, shapes: dict[str, Shape], usual: Expected) -> Iterable[Expected]:
    """With use_bias=False there is no bias, which is one of zeros."""
    yield usual
    with_bias = [name for name in shapes if name.split("_")[-1] != "b"]
    if "p" not in shapes:
        yield _expected(
            [shapes[name] for name in with_bias],
            lambda arrays: (
                {n: np.zeros(s, np.float32) for n, s in shapes.items()} | dict(zip(with_bias, arrays, strict=True))
            ),
        )


def _prelu(node: Node, shapes: dict[str, Shape], usual: Expected) -> Iterable[Expected]:
    """alpha has an axis for each of the row, 1 where it is shared."""
    own = shapes["alpha"]
    full = (1,) * (len(node.x) - len(own)) + own
    yield _expected([full], lambda arrays: {"alpha": arrays[0].reshape(own)})


def _attention(node: Node, shapes: dict[str, Shape], usual: Expected) -> Iterable[Expected]:
    """Kernels and biases of query, key and value have an axis of heads, and so has the output's kernel."""
    layer: Any = node.layer
    features, heads = node.x[-1], layer.heads
    key = shapes["Wq"][1] // heads
    kernels, names = [(features, heads, key)] * 3 + [(heads, key, features)], ("q", "k", "v", "o")
    biases = [(heads, key)] * 3 + [(features,)]
    both = [shape for pair in zip(kernels, biases, strict=True) for shape in pair]
    keys = [f"{part}{name}" for name in names for part in "Wb"]
    yield _expected(both, lambda arrays: {k: a.reshape(shapes[k]) for k, a in zip(keys, arrays, strict=True)})
    zeros = {f"b{name}": np.zeros(shapes[f"b{name}"], np.float32) for name in names}
    yield _expected(
        kernels,
        lambda arrays: zeros | {f"W{n}": a.reshape(shapes[f"W{n}"]) for n, a in zip(names, arrays, strict=True)},
    )


def _normalization(node: Node, shapes: dict[str, Shape], usual: Expected) -> Iterable[Expected]:
    """Mean, variance and a count; below 1e-7 Keras does not divide by the deviation."""
    yield _expected(
        [*shapes.values(), ()],
        lambda arrays: {"mean": arrays[0], "deviation": np.maximum(np.sqrt(arrays[1]), np.float32(1e-7))},
    )


_SPECIAL: dict[str, Callable[[Node, dict[str, Shape], Expected], Iterable[Expected]]] = {
    "conv1d": _convolution,
    "conv2d": _convolution,
    "simple_rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "bidirectional": _recurrent,
    "prelu": _prelu,
    "normalization": _normalization,
    "multi_head_attention": _attention,
}
KINDS = {
    "dense": "dense",
    "conv1d": "conv1d",
    "conv2d": "conv2d",
    "depthwise_conv1d": "conv1d",
    "depthwise_conv2d": "conv2d",
    "separable_conv1d": "conv1d",
    "separable_conv2d": "conv2d",
    "conv2d_transpose": "conv2d_transpose",
    "batch_normalization": "batch_norm",
    "layer_normalization": "layer_norm",
    "group_normalization": "instance_norm",
    "embedding": "embedding",
    "simple_rnn": "simple_rnn",
    "lstm": "lstm",
    "gru": "gru",
    "bidirectional": "bidirectional",
    "p_re_lu": "prelu",
    "multi_head_attention": "multi_head_attention",
    "conv1d_transpose": "",
    "conv3d": "",
    "conv3d_transpose": "",
    "conv_lstm2d": "",
    "normalization": "normalization",
    "spectral_normalization": "",
    "group_query_attention": "",
    "grouped_query_attention": "",
    "additive_attention": "",
}
"""Class of Keras, as groups of files are named -> the kind of its layer; "": there is none."""
