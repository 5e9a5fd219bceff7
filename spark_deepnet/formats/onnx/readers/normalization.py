"""BatchNormalization, InstanceNormalization, LayerNormalization, LRN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.instance_norm import InstanceNorm
from spark_deepnet.layers.layer_norm import LayerNorm
from spark_deepnet.layers.local_response_norm import LocalResponseNorm


def _vectors(node: Node, size: int, *names: str) -> dict[str, np.ndarray]:
    """The inputs behind the first, each a number a channel."""
    arrays = {name: node.numbers(k, name) for k, name in enumerate(names, 1)}
    for name, array in arrays.items():
        if array.shape != (size,):
            raise node.refusal(f"its {name} has the shape {array.shape}; its input has {size} channels")
    return arrays


@reads("BatchNormalization", to=15, gives="batch_norm")
def batch_norm(node: Node) -> Tensor:
    """With the moving mean and variance, as in scoring"""
    x = node.tensor()
    if node.attr("training_mode", 0) or (node.version < 7 and not node.attr("is_test", 0)):
        raise node.refusal("it is in training mode; export the model in evaluation mode")
    if node.version < 9 and not node.attr("spatial", 1):
        raise node.refusal("spatial = 0, a mean for each place, is not supported; expected one a channel")
    value = node.channels_last(x)
    weights = _vectors(node, x.row[0], "gamma", "beta", "moving_mean", "moving_variance")
    layer = BatchNorm(momentum=float(node.attr("momentum")), epsilon=float(node.attr("epsilon")))
    return Tensor(node.add(layer, value, weights=weights))


@reads("InstanceNormalization", to=22, gives="instance_norm")
def instance_norm(node: Node) -> Tensor:
    """Each channel of each row"""
    x = node.tensor()
    value, layer = node.channels_last(x), InstanceNorm(float(node.attr("epsilon")))
    return Tensor(node.add(layer, value, weights=_vectors(node, x.row[0], "gamma", "beta")))


@reads("LayerNormalization", to=17, gives="layer_norm")
def layer_norm(node: Node) -> Tensor:
    """Over the last axes"""
    x = node.tensor()
    first = node.axis(int(node.attr("axis")), x)
    if x.rows > first or int(node.attr("stash_type")) != 1:
        raise node.refusal(f"it runs over the axis of rows (N) of {x}, or not in float32")
    size, axes = x.row[first:], len(x.row) - first
    try:
        gamma = np.broadcast_to(node.numbers(1, "Scale"), size)
        beta = np.broadcast_to(node.numbers(2, "B"), size) if node.has(2) else np.zeros(size, np.float32)
    except ValueError:
        raise node.refusal(f"its Scale or B does not have the shape {size}") from None
    layer = LayerNorm(axes, float(node.attr("epsilon")))
    return replace(x, value=node.add(layer, node.in_file_order(x), weights={"gamma": gamma, "beta": beta}))


@reads("LRN", to=13, gives="local_response_norm")
def lrn(node: Node) -> Tensor:
    """Over an odd number of channels of images"""
    x, size = node.tensor(), int(node.attr("size"))
    alpha, beta, k = (float(node.attr(name)) for name in ("alpha", "beta", "bias"))
    return Tensor(node.add(LocalResponseNorm(size, alpha, beta, k), node.channels_last(x)))
