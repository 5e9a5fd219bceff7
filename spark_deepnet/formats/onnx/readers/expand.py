"""Expand: axes of 1 that are repeated."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._select import selected
from spark_deepnet.formats.onnx.readers.reshape import shaped
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import ROWS, Const, Tensor
from spark_deepnet.layers.layer import Shape


@reads("Expand", to=13, since=8, gives="slice, dense, reshape")
def expand(node: Node) -> Tensor:
    """Axes of 1 of a row, to a constant size or another value's"""
    x = node.tensor()
    row, rows = _target(node, x)
    x = shaped(node, x, (1,) * (len(row) - len(x.row)) + x.row, rows)
    for axis, size in enumerate(row):
        if x.row[axis] != size:
            x = selected(node, x, axis, [0] * size, suffix=f"axis{axis}")
    return x


def _target(node: Node, x: Tensor) -> tuple[Shape, int]:
    """The row, and the axis of rows."""
    shape = node.inputs[1] if node.has(1) else None
    if not isinstance(shape, Const):
        raise node.refusal("its shape is computed by the graph; expected a constant or sizes")
    sizes = [
        np.broadcast_shapes(x.sizes(count), _asked(node, array, x, count))
        for count, array in zip(ROWS, (shape.array, shape.other), strict=True)
    ]
    rows = len(sizes[0]) - x.rank + x.rows
    if any(size[rows] != count for size, count in zip(sizes, ROWS, strict=True)):
        raise node.refusal(f"the shape {sizes[0]} changes the axis of rows of {x}")
    first, second = ((*size[:rows], *size[rows + 1 :]) for size in sizes)
    if first != second:
        raise node.refusal(f"it repeats an axis of {x} as often as there are rows")
    return first, rows


def _asked(node: Node, shape: np.ndarray, x: Tensor, count: int) -> Shape:
    """The sizes that are asked for, this number of rows in place of the file's batch size."""
    sizes = [int(size) for size in shape.reshape(-1)]
    own = len(sizes) - x.rank + x.rows
    return tuple(count if k == own and size == node.reading.batch else size for k, size in enumerate(sizes))
