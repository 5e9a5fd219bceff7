"""Windows of convolutions and pools: attributes as fields of layers. A sequence is an image one cell wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.reshape import Reshape

MAX_WINDOW = 1 << 20
Two = tuple[int, int]


@dataclass(frozen=True)
class Places:
    """Where windows are, down and across."""

    strides: Two
    padding: tuple[Two, Two]
    dilation: Two


def images(node: Node) -> tuple[Value, int]:
    """The first input as images, (channels, height, width), and how many of the two axes it has in the file."""
    x = node.tensor()
    value, axes = node.channels_last(x), len(x.row) - 1
    if axes == 1:
        steps = node.add(Reshape((x.row[1], 1, x.row[0])), Value(value.node, value.held, True), suffix="image")
        return Value(steps.node, (*x.row, 1)), 1
    if axes != 2:
        raise node.refusal(f"its input is {x}; images (N, C, H, W) and sequences (N, C, T) are read")
    return value, 2


def sequences(node: Node, value: Value, axes: int) -> Tensor:
    """Images as they are in the file again."""
    if axes == 2:
        return Tensor(value)
    channels, steps, _ = value.shape
    back = node.add(Reshape((steps, channels)), Value(value.node, value.held, True), suffix="sequence")
    return Tensor(Value(back.node, (channels, steps)))


def numbers(node: Node, name: str, axes: int, default: int, least: int) -> Two:
    """An attribute that has a number for each axis."""
    given = node.attr(name)
    own = [default] * axes if given is None else [int(each) for each in given]
    if len(own) != axes or min(own) < least or max(own) > MAX_WINDOW:
        raise node.refusal(f"{name} must be {axes} numbers of at least {least}, found {str(own)[:100]}")
    return own[0], own[1] if axes == 2 else 1


def places(node: Node, axes: int, size: Shape, window: Any, transposed: bool = False, ceil: bool = False) -> Places:
    """Strides, padding and dilation."""
    strides, dilation = (numbers(node, name, axes, 1, 1) for name in ("strides", "dilations"))
    mode, pads = node.attr("auto_pad", "NOTSET"), node.attr("pads")
    if mode not in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        raise node.refusal(f"auto_pad {mode!r} is unknown; SAME_UPPER, SAME_LOWER, VALID and NOTSET are read")
    if mode in ("SAME_UPPER", "SAME_LOWER") and not transposed:
        each = zip(size, window, strides, dilation, strict=True)
        return Places(strides, tuple(_same(*sizes, mode) for sizes in each), dilation)  # type: ignore[arg-type]
    own = [0] * (2 * axes) if pads is None or mode != "NOTSET" else [int(each) for each in pads]
    if len(own) != 2 * axes or min(own) < 0 or max(own) > MAX_WINDOW:
        raise node.refusal(f"pads must be {2 * axes} numbers of at least 0, found {str(own)[:100]}")
    across = (own[1], own[3]) if axes == 2 else (0, 0)
    return Places(strides, ((own[0], own[axes]), across), dilation)


def _same(size: int, window: int, stride: int, dilation: int, mode: str) -> Two:
    """The padding with which an axis has one window for each stride."""
    total = max((-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)
