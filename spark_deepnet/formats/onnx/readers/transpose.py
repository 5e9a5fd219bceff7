"""Transpose."""

from __future__ import annotations

from dataclasses import replace

from spark_deepnet.formats.axes import TO_HELD, Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers.attention import turned
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Attention, Tensor
from spark_deepnet.layers.permute import Permute


@reads("Transpose", to=25, gives="permute")
def transpose(node: Node) -> Tensor | Attention:
    """Of all axes, that of rows too"""
    if isinstance(node.inputs[0], Attention):
        return turned(node, node.inputs[0])
    x = node.tensor(integer=True)
    perm = [int(axis) for axis in node.attr("perm") or range(x.rank - 1, -1, -1)]
    if sorted(perm) != list(range(x.rank)):
        raise node.refusal(f"perm {perm} does not hold each axis of {x} once")
    rows = perm.index(x.rows)
    order = tuple(axis - (axis > x.rows) + 1 for axis in perm if axis != x.rows)
    if rows == 0 and x.rows == 0 and not x.value.steps_first and order == TO_HELD.get(len(order)):
        return _relabelled(x, order)
    if list(order) == sorted(order):
        value = x.value if rows == x.rows == 0 else node.in_file_order(x)
        return Tensor(value, rows, x.integer)
    value = node.in_file_order(x)
    return Tensor(node.add(Permute(order), value), rows, x.integer)


def _relabelled(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """What is held is what the file asks for."""
    row = tuple(x.row[axis - 1] for axis in order)
    return replace(x, value=Value(x.value.node, row, steps_first=True))
