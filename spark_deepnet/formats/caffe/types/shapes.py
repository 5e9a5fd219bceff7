"""Types that move numbers: Flatten, Reshape, Permute, Concat, Slice, Split, Crop, and Dropout, which scoring leaves out."""

from __future__ import annotations

from math import prod

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.slice import Slice

MANY = (1, 10_000)


@reads("Dropout", param="dropout_param", gives="dropout")
def dropout(step: Step) -> Value:
    """The kept numbers are scaled up in training."""
    return step.add(Dropout(step.get("dropout_ratio")))


@reads("Split", gives="none")
def split(step: Step) -> list[Value]:
    """Every top is the bottom."""
    return step.values * len(step.spec.tops)


@reads("Flatten", param="flatten_param", gives="flatten, reshape")
def flatten(step: Step) -> Value:
    """In the file's order: channels first."""
    step.check_rows_first()
    shape, first = step.values[0].shape, step.axis()
    last = step.axis("end_axis")
    if last < first:
        raise step.refusal(f"axis {step.get('axis')} comes behind end_axis {step.get('end_axis')}")
    if (first, last) == (0, len(shape) - 1):
        return step.add_foreign(Flatten())
    return step.add_foreign(Reshape((*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])))


@reads("Reshape", param="reshape_param", gives="reshape")
def reshape(step: Step) -> Value:
    """0 keeps a size, -1 is the rest; the axis of rows stays (0, -1, or the net's own batch size)."""
    step.check_rows_first()
    shape, start, count = step.values[0].shape, int(step.get("axis")), int(step.get("num_axes"))
    dims = [int(dim) for dim in step.get("shape").dim]
    axes = len(shape) + 1
    start = start + axes + 1 if start < 0 else start
    stop = axes if count == -1 else start + count
    if not 0 <= start <= stop <= axes:
        raise step.refusal(f"axis {step.get('axis')} and num_axes {count} do not fit its input of {axes} axes")
    old = [0, *shape]
    new = [*old[:start], *_kept(step, dims, old[start:stop]), *old[stop:]]
    rest = new[1:]
    rows = new[0] in (0, -1) or new[0] == step.reading.batch
    if not rows or not rest or (new[0] == -1 and (-1 in rest or prod(rest) != prod(shape))):
        raise step.refusal(
            f"shape {dims} of rows {shape} changes the axis of rows, which must be 0, -1 or the batch size of the net's "
            f"input ({step.reading.batch})"
        )
    return step.add_foreign(Reshape(tuple(rest)))


def _kept(step: Step, dims: list[int], old: list[int]) -> list[int]:
    """The sizes with those for 0 put in; a 0 at the axis of rows stays 0."""
    if any(dim == 0 and k >= len(old) for k, dim in enumerate(dims)) or min([*dims, 0]) < -1 or dims.count(-1) > 1:
        raise step.refusal(f"shape {dims} does not fit its input")
    return [old[k] if dim == 0 else dim for k, dim in enumerate(dims)]


@reads("Permute", param="permute_param", gives="permute")
def permute(step: Step) -> Value:
    """Of a fork (SSD); the axis of rows stays first."""
    step.check_rows_first()
    axes, order = len(step.values[0].shape) + 1, [int(axis) for axis in step.get("order")]
    order += [axis for axis in range(axes) if axis not in order]
    if sorted(order) != list(range(axes)) or order[0] != 0:
        raise step.refusal(f"order must hold each of 0..{axes - 1} once, the rows' 0 first, found {order}")
    return step.add_foreign(Permute(tuple(order[1:])))


@reads("Concat", param="concat_param", bottoms=MANY, gives="concatenate")
def concat(step: Step) -> Value:
    """Along any axis of a row."""
    name = "axis" if step.has("axis") or not step.has("concat_dim") else "concat_dim"
    return step.values[0] if len(step.values) == 1 else step.add(Concatenate(step.held_axis(name)))


@reads("Slice", param="slice_param", gives="slice")
def slices(step: Step) -> list[Value]:
    """Along any axis of a row."""
    (x,), tops = step.values, step.spec.tops
    axis = step.axis("axis" if step.has("axis") or not step.has("slice_dim") else "slice_dim")
    size, points = x.shape[axis], [int(point) for point in step.get("slice_point")]
    if not points:
        if size % len(tops):
            raise step.refusal(f"an axis of {size} has no {len(tops)} equal parts")
        points = [size // len(tops) * k for k in range(1, len(tops))]
    ends = [0, *points, size]
    if len(points) != len(tops) - 1 or sorted(set(ends)) != ends:
        raise step.refusal(f"slice_point must be {len(tops) - 1} growing numbers below {size}, found {points}")
    if len(tops) == 1:
        return [x]
    own = x.held_axis(axis)
    return [
        step.add(Slice(start, stop, axis=own), x, suffix=top if top != step.spec.name else "")
        for start, stop, top in zip(ends[:-1], ends[1:], tops, strict=True)
    ]


@reads("Crop", param="crop_param", bottoms=(2, 2), gives="slice")
def crop(step: Step) -> Value:
    """To the size of the second bottom."""
    x, like = step.values
    axis, offsets = step.axis(), [int(offset) for offset in step.get("offset")]
    if len(like.shape) != len(x.shape):
        raise step.refusal(f"its inputs have the shapes {x.shape} and {like.shape}; they need as many axes")
    count = len(x.shape) - axis
    if len(offsets) not in (0, 1, count):
        raise step.refusal(f"offset has {len(offsets)} numbers; 1 or {count} fit")
    offsets = offsets * count if len(offsets) == 1 else offsets or [0] * count
    for k, offset in enumerate(offsets, axis):
        x = _cropped(step, x, k, offset, like.shape)
    return x


def _cropped(step: Step, x: Value, axis: int, offset: int, like: Shape) -> Value:
    """An axis of x from the offset on, as long as that of another shape."""
    if offset + like[axis] > x.shape[axis]:
        raise step.refusal(f"offset {offset} and size {like[axis]} reach over the end of an axis of {x.shape[axis]}")
    if like[axis] == x.shape[axis]:
        return x
    return step.add(Slice(offset, offset + like[axis], axis=x.held_axis(axis)), x, suffix=f"axis{axis + 1}")
