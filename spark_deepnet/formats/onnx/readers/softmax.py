"""Softmax and LogSoftmax."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Attention, Masked, Tensor
from spark_deepnet.layers.log_softmax import LogSoftmax
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.softmax import Softmax


@reads("Softmax", to=13, gives="softmax")
def softmax(node: Node) -> Tensor | Attention:
    """Along any axis of a row; in old versions over all axes from one on"""
    x = node.inputs[0]
    if isinstance(x, Attention) and x.stage == "scores" and int(node.attr("axis")) in (-1, 3):
        return replace(x, stage="shares")
    return _along(node, Softmax)


@reads("LogSoftmax", to=13, gives="log_softmax")
def log_softmax(node: Node) -> Tensor:
    """Along any axis of a row; in old versions over all axes from one on"""
    return _along(node, LogSoftmax)


def _along(node: Node, kind: Any) -> Tensor:
    lowest = node.inputs[0]
    x = lowest.x if isinstance(lowest, Masked) else node.tensor()
    axis = node.axis(int(node.attr("axis")), x)
    tail = x.row[axis + 1 :]
    if node.version < 13 and prod(tail) > 1:
        return _over_all(node, x, axis, kind)
    if node.version < 13 and x.rows > axis:
        raise node.refusal(f"it runs over the axis of rows (N) of {x}")
    own = x.value.held_axis(axis)
    return replace(x, value=node.add(kind(-1 if own == len(x.row) - 1 else own), x.value))


def _over_all(node: Node, x: Tensor, axis: int, kind: Any) -> Tensor:
    """Over all axes from one on, as one."""
    if x.rows > axis:
        raise node.refusal(f"it runs over the axis of rows (N) of {x}")
    flat = node.add(Reshape((*x.row[:axis], prod(x.row[axis:]))), node.in_file_order(x), suffix="flat")
    return replace(x, value=node.add(Reshape(x.row), node.add(kind(), flat), suffix="back"))
