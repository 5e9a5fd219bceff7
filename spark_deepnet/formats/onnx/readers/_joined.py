"""Several values of the network, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.reshape import Reshape


def joined(node: Node, layer: Layer, *xs: Tensor, suffix: str = "") -> Tensor:
    """The value of a layer over values of one shape, or with axes of 1."""
    like = max(xs, key=lambda x: x.rank)
    whole = [_widened(node, x, like) for x in xs]
    if like.value.steps_first or len({x.value.steps_first for x in whole}) > 1:
        values = [node.in_file_order(x) for x in whole]
    else:
        values = [x.value for x in whole]
    return replace(like, value=node.add(layer, *values, suffix=suffix))


def _widened(node: Node, x: Tensor, like: Tensor) -> Tensor:
    """x with axes of 1 in front, as many as another value has axes."""
    if x.rank - x.rows != like.rank - like.rows:
        raise node.refusal(f"its inputs are {x} and {like}, whose axes of rows (N) do not meet")
    if x.rank == like.rank:
        return x
    row = (1,) * (like.rank - x.rank) + x.row
    return Tensor.of_row(node.add(Reshape(row), node.in_file_order(x), suffix=f"wide.{x.value.node}"), row, like.rows)


def values(node: Node) -> Sequence[Tensor]:
    """All inputs that are values of the network."""
    return [node.tensor(k) for k, x in enumerate(node.inputs) if isinstance(x, Tensor)]


def plain(value: Value) -> Value:
    """What is held, as it is."""
    return Value(value.node, value.held, steps_first=True)
