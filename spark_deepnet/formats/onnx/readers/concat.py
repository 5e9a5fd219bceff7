"""Concat and Split."""

from __future__ import annotations

from dataclasses import replace

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._select import selected
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.concatenate import Concatenate


@reads("Concat", to=13, gives="concatenate")
def concat(node: Node) -> Tensor:
    """Along any axis of a row"""
    xs = [node.tensor(k) for k in range(len(node.inputs))]
    return concatenated(node, xs, node.axis(int(node.attr("axis", 1)), xs[0]))


def concatenated(node: Node, xs: list[Tensor], axis: int, suffix: str = "") -> Tensor:
    """Values side by side along an axis of a row."""
    x = xs[0]
    if len(xs) == 1:
        return x
    if any(other.rows != x.rows or other.rank != x.rank for other in xs):
        raise node.refusal(f"its inputs {', '.join(map(str, xs[:10]))} differ in more than one axis")
    alike = len({other.value.steps_first for other in xs}) == 1
    values = [other.value if alike else node.in_file_order(other) for other in xs]
    own = values[0].held_axis(axis)
    return replace(x, value=node.add(Concatenate(-1 if own == len(x.row) - 1 else own), *values, suffix=suffix))


@reads("Split", to=18, gives="slice")
def split(node: Node) -> list[Tensor]:
    """Along any axis of a row"""
    x, count = node.tensor(), len(node.spec.proto.output)
    axis = node.axis(int(node.attr("axis", 0)), x)
    sizes, parts = node.ints("split", 1), int(node.attr("num_outputs", count))
    if sizes is None:
        each = -(-x.row[axis] // max(parts, 1))
        sizes = [each] * (parts - 1) + [x.row[axis] - each * (parts - 1)]
    if len(sizes) != count or min(sizes) < 1 or sum(sizes) != x.row[axis]:
        raise node.refusal(
            f"an axis of {x.row[axis]} is not split into {sizes[:20]}, each at least 1, for {count} outputs"
        )
    starts = [sum(sizes[:k]) for k in range(count)]
    return [
        selected(node, x, axis, range(start, start + size), suffix=str(k) if k else "")
        for k, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]
