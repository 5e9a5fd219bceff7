"""MaxPool, AveragePool and the global pools."""

from __future__ import annotations

from typing import Any

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._windows import images, numbers, places, sequences
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.average_pool2d import AveragePool2D
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.max_pool2d import MaxPool2D
from spark_deepnet.layers.reshape import Reshape


def _pooled(node: Node, kind: Any, **fields: Any) -> Tensor:
    x, axes = images(node)
    if node.attr("kernel_shape") is None:
        raise node.refusal("it has no kernel_shape")
    window, ceil = numbers(node, "kernel_shape", axes, 1, 1), bool(node.attr("ceil_mode", 0))
    place = places(node, axes, x.shape[1:], window)
    if place.dilation != (1, 1):
        raise node.refusal(f"dilations {place.dilation} of pools are not supported; expected 1")
    layer = kind(window, strides=place.strides, padding=place.padding, ceil=ceil, **fields)
    return sequences(node, node.add(layer, x), axes)


@reads("MaxPool", to=22, gives="max_pool2d")
def max_pool(node: Node) -> Tensor:
    """Without dilation, and without the numbers of the largest"""
    return _pooled(node, MaxPool2D)


@reads("AveragePool", to=22, gives="average_pool2d")
def average_pool(node: Node) -> Tensor:
    """Without dilation"""
    return _pooled(node, AveragePool2D, count_padding=bool(node.attr("count_include_pad", 0)))


def _global(node: Node, layer: Layer) -> Tensor:
    x = node.tensor()
    if len(x.row) < 2:
        raise node.refusal(f"its input is {x}; expected (N, C, ...)")
    if len(x.row) > 3:
        raise node.refusal(f"its input is {x}; images (N, C, H, W) and sequences (N, C, T) are read")
    value, axes = images(node)
    pooled = node.add(layer, value)
    one = node.add(Reshape((1,) * axes + pooled.shape), pooled, suffix="places")
    return Tensor(Value(one.node, pooled.shape + (1,) * axes))


@reads("GlobalAveragePool", to=22, gives="global_average_pool2d, reshape")
def global_average_pool(node: Node) -> Tensor:
    """Of images and of sequences"""
    return _global(node, GlobalAveragePool2D())


@reads("GlobalMaxPool", to=22, gives="global_max_pool2d, reshape")
def global_max_pool(node: Node) -> Tensor:
    """Of images and of sequences"""
    return _global(node, GlobalMaxPool2D())
