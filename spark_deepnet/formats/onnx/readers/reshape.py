"""Reshape, Flatten, Squeeze, Unsqueeze: the numbers stay in the file's order, under other axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers.attention import side_by_side
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import ROWS, Attention, Const, Tensor
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.reshape import Reshape

N = -2
"""Stands for the number of rows among sizes."""


def shaped(node: Node, x: Tensor, row: Shape, rows: int) -> Tensor:
    """x with other axes of a row, and the axis of rows elsewhere."""
    if row == x.row and rows == x.rows:
        return x
    value, held = node.in_file_order(x), row or (1,)
    if held != value.shape:
        value = node.add(Flatten() if len(held) == 1 else Reshape(held), value)
    return Tensor.of_row(value, row, rows, x.integer)


@reads("Reshape", to=25, gives="reshape, flatten")
def reshape(node: Node) -> Tensor | Attention:
    """0 keeps a size, -1 is the rest; the axis of rows stays (0, -1, or the batch size of the file's inputs)"""
    if isinstance(node.inputs[0], Attention):
        return side_by_side(node, node.inputs[0])
    x = node.tensor(integer=True)
    sizes = _target(node, x)
    order = sorted(range(len(sizes)), key=lambda k: (sizes[k] != N, k != x.rows, k))
    for k in order:
        row = _row(node, x, sizes, k)
        if row is not None:
            return shaped(node, x, row, k)
    shown = ["N" if size == N else size for size in sizes]
    raise node.refusal(
        f"the shape {shown} of {x} changes the axis of rows (N), which must be 0, -1 or the batch size of the file "
        f"({node.reading.batch or 'not fixed'})"
    )


def _target(node: Node, x: Tensor) -> list[int]:
    """The sizes that are asked for, N at those of rows."""
    shape = node.inputs[1] if node.version >= 5 and node.has(1) else None
    if isinstance(shape, Tensor):
        raise node.refusal("its shape is computed by the graph; expected a constant or sizes")
    given = shape if isinstance(shape, Const) else None
    asked = [int(n) for n in (given.array.reshape(-1) if given else node.attr("shape") or [])]
    other = [int(n) for n in given.other.reshape(-1)] if given else asked
    if len(asked) != len(other) or len(asked) > 16:
        raise node.refusal(f"its shape has {len(asked)} axes, or their number depends on the rows")
    keep = bool(node.attr("allowzero", 0))
    sizes = [_size(node, x, k, pair, keep) for k, pair in enumerate(zip(asked, other, strict=True))]
    if sizes.count(-1) > 1 or sizes.count(N) > 1 or min(sizes, default=0) < N:
        raise node.refusal(f"the shape {asked} does not fit its input {x}")
    return sizes


def _size(node: Node, x: Tensor, k: int, pair: tuple[int, int], keep: bool) -> int:
    """One size: N where it is that of rows."""
    size, other = pair
    if size == 0 and not keep:
        if k >= x.rank:
            raise node.refusal(f"its shape keeps a size that its input {x} does not have")
        return N if k == x.rows else x.sizes(0)[k]
    if pair == ROWS:
        return N
    if size != other:
        raise node.refusal("its shape depends on the number of rows, which it would change")
    return size if size >= -1 else -3


def _row(node: Node, x: Tensor, sizes: Sequence[int], k: int) -> Shape | None:
    """The sizes without that of rows if it is the k-th; None if it cannot be."""
    if sizes[k] not in (N, -1, node.reading.batch) or (N in sizes and sizes[k] != N):
        return None
    before = _filled(sizes[:k], prod(x.row[: x.rows]))
    behind = _filled(sizes[k + 1 :], prod(x.row[x.rows :]))
    return None if before is None or behind is None else (*before, *behind)


def _filled(sizes: Sequence[int], count: int) -> Shape | None:
    """Sizes with -1 put in, where they hold this many numbers."""
    known = prod(size for size in sizes if size != -1)
    rest = count // known if known > 0 and -1 in sizes else 1
    if known < 1 or known * rest != count:
        return None
    return tuple(rest if size == -1 else size for size in sizes)


@reads("Flatten", to=25, gives="flatten, reshape")
def flatten(node: Node) -> Tensor:
    """In the file's order; the axis of rows stays by itself"""
    x, axis = node.tensor(integer=True), int(node.attr("axis"))
    axis = axis + x.rank if axis < 0 else axis
    before, behind = prod(x.row[: x.rows]), prod(x.row[x.rows :])
    if axis == x.rows + 1 and before == 1:
        return shaped(node, x, (behind,), 0)
    if axis == x.rows and behind == 1:
        return shaped(node, x, (before,), 1)
    raise node.refusal(f"axis {axis} of {x} would mix rows (N) with others; the axis of rows stays by itself")


@reads("Unsqueeze", to=25, gives="reshape")
def unsqueeze(node: Node) -> Tensor:
    """Axes of 1 anywhere"""
    x, axes = node.tensor(integer=True), node.ints("axes", 1) or []
    rank = x.rank + len(axes)
    new = sorted({axis + rank if axis < 0 else axis for axis in axes})
    if len(new) != len(axes) or new[0] < 0 or new[-1] >= rank or rank > 16:
        raise node.refusal(f"axes {axes} do not fit its input {x}")
    sizes = list(x.sizes(N))
    for axis in new:
        sizes.insert(axis, 1)
    return _without_rows(node, x, sizes)


@reads("Squeeze", to=25, gives="reshape")
def squeeze(node: Node) -> Tensor:
    """Axes of 1, but not that of rows"""
    x, axes = node.tensor(integer=True), node.ints("axes", 1)
    if axes is None:
        if node.reading.batch == 1:
            raise node.refusal("it has no axes, which would remove that of rows (N) for the file's one row; give axes")
        axes = [k for k, size in enumerate(x.sizes(N)) if size == 1]
    rows = [node.axis(axis, x) for axis in axes]
    if any(x.row[axis] != 1 for axis in rows):
        raise node.refusal(f"axes {axes} of {x} are not all 1")
    drop = {axis + (axis >= x.rows) for axis in rows}
    return _without_rows(node, x, [size for k, size in enumerate(x.sizes(N)) if k not in drop])


def _without_rows(node: Node, x: Tensor, sizes: Sequence[int]) -> Tensor:
    rows = list(sizes).index(N)
    return shaped(node, x, (*sizes[:rows], *sizes[rows + 1 :]), rows)
