"""Add, Sub, Mul, Div, Pow: with a constant, or of two values."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._constants import line
from spark_deepnet.formats.onnx.readers._joined import joined
from spark_deepnet.formats.onnx.readers.attention import causal
from spark_deepnet.formats.onnx.readers.by_length import mean_of_sum
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Attention, Const, Table, Tensor
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.power import Power
from spark_deepnet.layers.rescaling import Rescaling


def constant(node: Node, k: int) -> np.ndarray | None:
    """An input as a constant, which old versions may say begins at an axis; None if it is computed."""
    if not isinstance(node.inputs[k] if k < len(node.inputs) else None, Const):
        return None
    array, axis = node.numbers(k, "the other operand"), node.attr("axis")
    if node.attr("broadcast", 0) and axis is not None:
        behind = node.tensor(0).rank - int(axis) - array.ndim
        array = array.reshape(array.shape + (1,) * max(behind, 0))
    return array


def _negative(node: Node, x: Tensor, suffix: str) -> Tensor:
    return node.along(Rescaling(-1.0), x, suffix=suffix)


@reads("Add", to=14, gives="add, scale, rescaling")
def add(node: Node) -> Tensor | Attention:
    """Of two values, or with constants"""
    for k in (0, 1):
        c, x = constant(node, k), node.inputs[1 - k]
        if c is not None:
            return causal(node, x, c) if isinstance(x, Attention) else line(node, node.tensor(1 - k), None, c)
    return joined(node, Add(), node.tensor(0), node.tensor(1))


@reads("Sub", to=14, gives="add, scale, rescaling")
def sub(node: Node) -> Tensor:
    """Of two values, or with constants"""
    c = constant(node, 1)
    if c is not None:
        return line(node, node.tensor(0), None, -c)
    y = _negative(node, node.tensor(1), "minus")
    c = constant(node, 0)
    return joined(node, Add(), node.tensor(0), y) if c is None else line(node, y, None, c)


@reads("Mul", to=14, gives="multiply, scale, rescaling")
def mul(node: Node) -> Tensor:
    """Of two values, or with constants"""
    for k in (0, 1):
        c = constant(node, k)
        if c is not None:
            return line(node, node.tensor(1 - k), c, None)
    return joined(node, Multiply(), node.tensor(0), node.tensor(1))


@reads("Div", to=14, gives="multiply, power, scale, rescaling")
def div(node: Node) -> Tensor:
    """Of two values, or with constants"""
    if isinstance(node.inputs[1], Table):
        return mean_of_sum(node, node.tensor(0), node.inputs[1])
    c = constant(node, 1)
    if c is not None:
        if not np.all(c):
            raise node.refusal("it divides by a constant that is 0")
        return line(node, node.tensor(0), 1 / c, None)
    y = node.along(Power(-1.0), node.tensor(1), suffix="reciprocal")
    c = constant(node, 0)
    return joined(node, Multiply(), node.tensor(0), y) if c is None else line(node, y, c, None)


@reads("Pow", to=15, gives="power, exponential, rescaling")
def power(node: Node) -> Tensor:
    """With a constant exponent, or a constant base above 0"""
    exponent, base = constant(node, 1), constant(node, 0)
    if exponent is not None and exponent.size == 1:
        return node.along(Power(float(exponent.item())), node.tensor(0))
    if base is not None and base.size == 1 and base.item() > 0:
        return node.along(Exponential(), line(node, node.tensor(1), np.log(base), None, "log"))
    raise node.refusal("neither its exponent nor its base (above 0) is one constant number")
