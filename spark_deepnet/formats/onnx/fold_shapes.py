"""How operators that move numbers are computed from constants."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.folding import check_size, folds
from spark_deepnet.formats.onnx.node import Node


def _ints(node: Node, name: str, inputs: Any, k: int) -> list[int] | None:
    """Whole numbers of an attribute, or of an input in later versions."""
    if k < len(inputs) and inputs[k] is not None:
        return [int(each) for each in inputs[k].reshape(-1)]
    value = node.attr(name)
    return None if value is None else [int(each) for each in value]


@folds("Shape")
def shape(node: Node, inputs: Any) -> Any:
    end = node.attr("end")
    return np.array(inputs[0].shape, np.int64)[int(node.attr("start", 0)) : None if end is None else int(end)]


@folds("Size")
def size(node: Node, inputs: Any) -> Any:
    return np.array(inputs[0].size, np.int64)


@folds("Gather")
def gather(node: Node, inputs: Any) -> Any:
    data, indices = inputs
    axis = int(node.attr("axis"))
    check_size(node, (*data.shape[:axis], *indices.shape, *data.shape[axis:][1:]))
    return np.take(data, indices.astype(np.int64), axis=axis)


@folds("Concat")
def concat(node: Node, inputs: Any) -> Any:
    check_size(node, (sum(each.size for each in inputs),))
    return np.concatenate(inputs, axis=int(node.attr("axis", 1)))


@folds("Unsqueeze")
def unsqueeze(node: Node, inputs: Any) -> Any:
    return np.expand_dims(inputs[0], tuple(_ints(node, "axes", inputs, 1) or ()))


@folds("Squeeze")
def squeeze(node: Node, inputs: Any) -> Any:
    axes = _ints(node, "axes", inputs, 1)
    return np.squeeze(inputs[0], None if axes is None else tuple(axes))


@folds("Flatten")
def flatten(node: Node, inputs: Any) -> Any:
    axis, sizes = int(node.attr("axis", 1)), inputs[0].shape
    axis = axis + len(sizes) if axis < 0 else axis
    return inputs[0].reshape(prod(sizes[:axis]), prod(sizes[axis:]))


@folds("Reshape")
def reshape(node: Node, inputs: Any) -> Any:
    target, keep = _ints(node, "shape", inputs, 1) or [], node.attr("allowzero", 0)
    sizes = [inputs[0].shape[k] if size == 0 and not keep else size for k, size in enumerate(target)]
    return inputs[0].reshape(sizes)


@folds("Transpose")
def transpose(node: Node, inputs: Any) -> Any:
    return inputs[0].transpose(node.attr("perm"))


@folds("Expand")
def expand(node: Node, inputs: Any) -> Any:
    sizes = np.broadcast_shapes(inputs[0].shape, tuple(_ints(node, "shape", inputs, 1) or ()))
    return np.broadcast_to(inputs[0], check_size(node, sizes))


@folds("ConstantOfShape")
def constant_of_shape(node: Node, inputs: Any) -> Any:
    value = node.attr("value")
    value = np.zeros(1, np.float32) if value is None else value
    return np.broadcast_to(value.reshape(()), check_size(node, inputs[0].reshape(-1)))


@folds("Range")
def numbers(node: Node, inputs: Any) -> Any:
    start, limit, delta = (each.reshape(()).item() for each in inputs)
    if delta == 0:
        raise node.refusal("its delta is 0")
    count = max(0, int(np.ceil((limit - start) / delta)))
    check_size(node, (count,))
    return (start + np.arange(count) * delta).astype(inputs[0].dtype)


@folds("Tile")
def tile(node: Node, inputs: Any) -> Any:
    repeats = _ints(node, "repeats", inputs, 1) or []
    check_size(node, [size * times for size, times in zip(inputs[0].shape, repeats, strict=True)])
    return np.tile(inputs[0], repeats)


@folds("Slice")
def slices(node: Node, inputs: Any) -> Any:
    starts, ends = _ints(node, "starts", inputs, 1) or [], _ints(node, "ends", inputs, 2) or []
    axes = _ints(node, "axes", inputs, 3) or range(len(starts))
    steps = _ints(node, "steps", inputs, 4) or [1] * len(starts)
    index: list[Any] = [slice(None)] * inputs[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = stretch(inputs[0].shape[axis], start, end, step)
    return inputs[0][tuple(index)]


def stretch(size: int, start: int, end: int, step: int) -> slice:
    """A stretch of an axis by ONNX's rule: beyond an end is at the end, also for steps backwards."""
    low, high = (0, size) if step > 0 else (-1, size - 1)
    first = min(max(start + size if start < 0 else start, max(low, 0)), high)
    last = min(max(end + size if end < 0 else end, low), high if step > 0 else size)
    return slice(first, None if last < 0 else last, step)


@folds("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean")
def reduced(node: Node, inputs: Any) -> Any:
    axes, keep = _ints(node, "axes", inputs, 1), bool(node.attr("keepdims"))
    if not axes and node.attr("noop_with_empty_axes", 0):
        return inputs[0]
    function = getattr(np, node.op.removeprefix("Reduce").lower())
    return np.asarray(function(inputs[0], tuple(axes) if axes else None, keepdims=keep)).astype(inputs[0].dtype)


@folds("Split")
def split(node: Node, inputs: Any) -> Any:
    axis, parts = int(node.attr("axis")), _ints(node, "split", inputs, 1)
    if parts is None:
        return np.array_split(inputs[0], max(1, len(node.spec.proto.output)), axis)
    return list(np.split(inputs[0], np.cumsum(parts)[:-1], axis))
