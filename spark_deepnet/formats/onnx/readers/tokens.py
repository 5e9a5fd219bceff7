"""Comparisons of tokens with the size of a table, by which files keep those apart that it does not have."""

from __future__ import annotations

import math
from typing import Any

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers import attention
from spark_deepnet.formats.onnx.readers.by_length import cut, masked, picked
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Attention, Const, Picked, Table, Tensor, Tokens, Within

_INSTEAD = "expected whole numbers compared with one, for a lookup in a table behind them"


@reads("GreaterOrEqual", to=16, since=12, gives="embedding")
def at_least(node: Node) -> Within:
    """Of tokens, before a lookup that gives zeros for others"""
    return Within(_tokens(node, 0), least=_number(node, 1), end=math.inf)


@reads("Less", to=13, since=9, gives="embedding")
def below(node: Node) -> Within:
    """Of tokens, before a lookup that gives zeros for others"""
    return Within(_tokens(node, 0), least=-math.inf, end=_number(node, 1))


@reads("And", to=7, since=7, gives="embedding")
def both(node: Node) -> Within:
    """Of two bounds of tokens"""
    a, b = node.inputs
    if not isinstance(a, Within) or not isinstance(b, Within) or a.x != b.x:
        raise node.refusal(f"it joins what are not two bounds of the same tokens; {_INSTEAD}")
    return Within(a.x, max(a.least, b.least), min(a.end, b.end))


@reads("Where", to=16, since=9, gives="embedding")
def where(node: Node) -> Any:
    """Of tokens within bounds, and a number for others; of steps up to a row's end in files of toOnnx"""
    condition, x = node.inputs[:2]
    if isinstance(x, Picked):
        return cut(node)
    if isinstance(x, Attention):
        return attention.masked(node, x)
    if isinstance(condition, Table):
        return masked(node)
    if not isinstance(condition, Within) or condition.x != x or condition.least != 0 or condition.end == math.inf:
        raise node.refusal(f"what it chooses between is not read; {_INSTEAD}")
    return Tokens(condition.x, int(condition.end), int(_number(node, 2)))


@reads("GatherND", to=13, since=12, gives="slice")
def steps(node: Node) -> Any:
    """Of steps that are counted from a row's end, in files of toOnnx"""
    return picked(node)


def _tokens(node: Node, k: int) -> Tensor:
    x = node.inputs[k]
    if not isinstance(x, Tensor) or not x.integer:
        raise node.refusal(f"its input {k + 1} has no tokens; {_INSTEAD}")
    return x


def _number(node: Node, k: int) -> float:
    x = node.inputs[k]
    if not isinstance(x, Const) or not x.fixed or x.array.size != 1:
        raise node.refusal(f"its input {k + 1} is not one constant number; {_INSTEAD}")
    return float(x.array.reshape(()))
