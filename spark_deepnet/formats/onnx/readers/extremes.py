"""Max, Min, Sum, Mean: of several values, Max and Min also with constants."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._constants import line
from spark_deepnet.formats.onnx.readers._joined import joined, values
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Const, Tensor
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.clip import Clip
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.rescaling import Rescaling


def _joined(node: Node, layer: Layer, suffix: str = "") -> Tensor:
    """The values of the network under a layer; one alone is itself."""
    xs = values(node)
    return xs[0] if len(xs) == 1 else joined(node, layer, *xs, suffix=suffix)


def _constants(node: Node) -> list[np.ndarray]:
    return [node.numbers(k, "an operand") for k, x in enumerate(node.inputs) if isinstance(x, Const)]


def _beyond(node: Node, x: Tensor, low: bool, suffix: str) -> Tensor:
    """x with its constants as bounds: the difference to each is cut off at 0."""
    for k, c in enumerate(_constants(node)):
        if c.size == 1:
            bound = float(c.item())
            x = node.along(Clip(low=bound) if low else Clip(high=bound), x, suffix=f"{suffix}{k}")
            continue
        above = line(node, x, None, -c, f"minus{k}")
        cut = node.along(Clip(low=0.0) if low else Clip(high=0.0), above, suffix=f"{suffix}{k}")
        x = line(node, cut, None, c, f"plus{k}")
    return x


@reads("Max", to=13, gives="maximum, clip, scale")
def largest(node: Node) -> Tensor:
    """Of several values, and of constants"""
    return _beyond(node, _joined(node, Maximum()), True, "bound")


@reads("Min", to=13, gives="maximum, rescaling, clip, scale")
def smallest(node: Node) -> Tensor:
    """Of several values, and of constants"""
    xs = values(node)
    if len(xs) > 1:
        minus = [node.along(Rescaling(-1.0), x, suffix=f"minus.{k}") for k, x in enumerate(xs)]
        return _beyond(node, node.along(Rescaling(-1.0), joined(node, Maximum(), *minus, suffix="max")), False, "bound")
    return _beyond(node, xs[0], False, "bound")


@reads("Sum", to=13, gives="add, scale")
def total(node: Node) -> Tensor:
    """Of several values, and of constants"""
    return _total(node)


def _total(node: Node) -> Tensor:
    x = _joined(node, Add())
    for k, c in enumerate(_constants(node)):
        x = line(node, x, None, c, f"plus{k}")
    return x


@reads("Mean", to=13, gives="add, rescaling, scale")
def mean(node: Node) -> Tensor:
    """Of several values, and of constants"""
    return node.along(Rescaling(1 / len(node.inputs)), _total(node), suffix="mean")
