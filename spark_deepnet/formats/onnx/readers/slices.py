"""Slice and Gather: entries of axes by constant numbers."""

from __future__ import annotations

from collections.abc import Sequence

from spark_deepnet.formats.onnx.fold_shapes import stretch
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._lookup import looked_up
from spark_deepnet.formats.onnx.readers._select import selected
from spark_deepnet.formats.onnx.readers.reshape import shaped
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import ROWS, Const, Tensor

FAR_END = 1 << 30
"""An end beyond which an axis is whole."""


@reads("Slice", to=13, gives="slice, permute, dense")
def slices(node: Node) -> Tensor:
    """Along any axis of a row, all of the rows'; steps other than 1 as a product with ones and zeros"""
    x = node.tensor(integer=True)
    starts, ends = node.ints("starts", 1) or [], _ends(node)
    axes = node.ints("axes", 3) or list(range(len(starts)))
    steps = (node.ints("steps", 4) if node.version >= 10 else None) or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise node.refusal("its starts, ends, axes and steps do not have one number for each axis")
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if (axis + x.rank if axis < 0 else axis) == x.rows:
            if start != 0 or step != 1 or end < (node.reading.batch or FAR_END):
                raise node.refusal(f"it takes the rows {start}:{end}:{step} of {x}; all rows (N) stay")
            continue
        own = node.axis(axis, x)
        x = selected(node, x, own, range(x.row[own])[stretch(x.row[own], start, end, step)], suffix=f"axis{axis}")
    return x


def _ends(node: Node) -> list[int]:
    """The ends; that of the number of rows is far."""
    x = node.inputs[2] if node.version >= 10 and node.has(2) else None
    if isinstance(x, Const) and not x.fixed:
        pairs = zip(x.array.reshape(-1).tolist(), x.other.reshape(-1).tolist(), strict=True)
        return [2 * FAR_END if pair == ROWS else int(pair[0]) if pair[0] == pair[1] else 0 for pair in pairs]
    return node.ints("ends", 2) or []


@reads("Gather", to=13, gives="slice, permute, dense, embedding")
def gather(node: Node) -> Tensor:
    """Entries of constant numbers; or rows of a constant matrix by whole numbers, such as tokens"""
    if isinstance(node.inputs[0], Const):
        return looked_up(node)
    x, axis = node.tensor(), int(node.attr("axis"))
    own = node.axis(axis, x)
    indices = node.const(1, "indices")
    size = x.row[own]
    flat = [int(k) + size if k < 0 else int(k) for k in indices.reshape(-1)]
    part = selected(node, x, own, flat, suffix="entries")
    return _placed(node, part, own, indices.shape)


def _placed(node: Node, x: Tensor, axis: int, shape: Sequence[int]) -> Tensor:
    """The selected axis with the axes of the indices."""
    row = (*x.row[:axis], *(int(n) for n in shape), *x.row[axis + 1 :])
    whole = axis + (axis >= x.rows)
    return shaped(node, x, row, x.rows if whole > x.rows else x.rows + len(shape) - 1)
