"""Pad: zeros, another number, or numbers of the edge around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._constants import line
from spark_deepnet.formats.onnx.readers._select import selected
from spark_deepnet.formats.onnx.readers.concat import concatenated
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.zero_padding2d import ZeroPadding2D


@reads("Pad", to=25, gives="zero_padding2d, slice, dense, concatenate")
def pad(node: Node) -> Tensor:
    """Of axes of a row, in all modes; numbers below 0 cut off"""
    x = node.tensor()
    mode, value = node.attr("mode"), _value(node)
    for axis, before, after in _pads(node, x):
        x = _along(node, x, axis, (before, after), mode, value)
    return x


def _value(node: Node) -> float:
    if node.version >= 11:
        value = float(node.numbers(2, "constant_value").reshape(-1)[0]) if node.has(2) else 0.0
    else:
        value = float(node.attr("value", 0.0))
    if not np.isfinite(value):
        raise node.refusal(f"it pads with {value}, which is not finite")
    return value


def _pads(node: Node, x: Tensor) -> list[tuple[int, int, int]]:
    """(axis of a row, numbers before, numbers after) where there are any."""
    pads = node.ints("pads", 1) if node.version >= 11 else node.ints("paddings" if node.version == 1 else "pads")
    axes = node.ints("axes", 3) if node.version >= 18 and node.has(3) else list(range(x.rank))
    if pads is None or len(pads) != 2 * len(axes or []):
        raise node.refusal(f"its pads {pads} are not two numbers for each of {len(axes or [])} axes")
    count = len(pads) // 2
    entries = []
    for k, axis in enumerate(axes or []):
        if pads[k] or pads[k + count]:
            entries.append((node.axis(axis, x), pads[k], pads[k + count]))
    return entries


def _along(node: Node, x: Tensor, axis: int, pads: tuple[int, int], mode: str, value: float) -> Tensor:
    """x with more or fewer entries of one axis of a row."""
    size, suffix = x.row[axis], f"axis{axis}"
    first, last = max(0, -pads[0]), size - max(0, -pads[1])
    x = selected(node, x, axis, range(first, last), suffix=f"{suffix}.cut") if (first, last) != (0, size) else x
    before, after = max(0, pads[0]), max(0, pads[1])
    if not before and not after:
        return x
    if mode == "constant":
        return _with_number(node, x, axis, (before, after), value)
    size = x.row[axis]
    least = {"edge": 1, "reflect": max(before, after) + 1, "wrap": max(before, after)}.get(mode)
    if least is None or size < least:
        raise node.refusal(f"mode {mode!r} with {max(before, after)} entries of an axis of {size} is not read")
    ahead, behind = _numbers(mode, size, before, after)
    parts = [selected(node, x, axis, ahead, suffix=f"{suffix}.before")] if before else []
    parts.append(x)
    parts += [selected(node, x, axis, behind, suffix=f"{suffix}.after")] if after else []
    return concatenated(node, parts, axis, suffix)


def _numbers(mode: str, size: int, before: int, after: int) -> tuple[list[int], list[int]]:
    """The entries that stand before and behind an axis."""
    if mode == "edge":
        return [0] * before, [size - 1] * after
    if mode == "wrap":
        return list(range(size - before, size)), list(range(after))
    return list(range(before, 0, -1)), list(range(size - 2, size - 2 - after, -1))


def _with_number(node: Node, x: Tensor, axis: int, pads: tuple[int, int], value: float) -> Tensor:
    """Padding of zeros in an image of which the axis is the height; another number is added and subtracted."""
    if value:
        x = line(node, x, None, np.float32(-value).reshape(1), f"axis{axis}.minus")
    held, own = x.value.held, x.value.held_axis(axis)
    first, rest = int(np.prod(held[:own])), int(np.prod(held[own + 1 :]))
    shape, sides = ((held[0], rest, 1), (pads, (0, 0))) if own == 0 else ((first, held[own], rest), ((0, 0), pads))
    plain = Value(x.value.node, held, steps_first=True)
    image = node.add(Reshape(shape), plain, suffix=f"axis{axis}.image")
    padded = node.add(ZeroPadding2D(sides), image, suffix=f"axis{axis}")
    row = (*x.row[:axis], x.row[axis] + sum(pads), *x.row[axis + 1 :])
    whole = Value("", row, x.value.steps_first).held
    back = node.add(Reshape(whole), padded, suffix=f"axis{axis}.back")
    x = replace(x, value=Value(back.node, row, x.value.steps_first))
    return line(node, x, None, np.float32(value).reshape(1), f"axis{axis}.plus") if value else x
