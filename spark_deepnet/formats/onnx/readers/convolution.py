"""Conv and ConvTranspose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._windows import Places, images, places, sequences
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose


def _weights(node: Node, axes: int) -> np.ndarray:
    """W with two axes of windows."""
    W = node.numbers(1, "W")
    if W.ndim != axes + 2:
        raise node.refusal(f"its W has the shape {W.shape}; expected {axes + 2} axes")
    given = node.attr("kernel_shape")
    if given is not None and list(given) != list(W.shape[2:]):
        raise node.refusal(f"kernel_shape {given} is not that of its W, {W.shape}")
    if min(W.shape) < 1:
        raise node.refusal(f"its W has the shape {W.shape}, which is empty")
    return W[:, :, :, None] if axes == 1 else W


def _bias(node: Node, filters: int) -> dict[str, np.ndarray]:
    if not node.has(2):
        return {}
    b = node.numbers(2, "B")
    if b.shape != (filters,):
        raise node.refusal(f"its B has the shape {b.shape}; expected ({filters},)")
    return {"b": b}


def _groups(node: Node, channels: int, of_filter: int, filters: int) -> int:
    groups = int(node.attr("group"))
    if groups < 1 or of_filter * groups != channels or filters % groups:
        raise node.refusal(f"its W is for {of_filter} channels in each of {groups} groups, its input has {channels}")
    return groups


@reads("Conv", to=22, gives="conv2d")
def conv(node: Node) -> Tensor:
    """Of images and of sequences; groups and dilation too"""
    x, axes = images(node)
    W = _weights(node, axes)
    groups = _groups(node, x.shape[0], W.shape[1], W.shape[0])
    b, place = _bias(node, W.shape[0]), places(node, axes, x.shape[1:], W.shape[2:])
    layer = Conv2D(
        W.shape[0], W.shape[2:], strides=place.strides, padding=place.padding, dilation=place.dilation, groups=groups,
        bias=bool(b),
    )  # fmt: skip
    return sequences(node, node.add(layer, x, weights={"W": W.transpose(2, 3, 1, 0), **b}), axes)


@reads("ConvTranspose", to=22, gives="conv2d_transpose")
def conv_transpose(node: Node) -> Tensor:
    """Of images and of sequences; groups and dilation too"""
    x, axes = images(node)
    W = _weights(node, axes)
    groups = int(node.attr("group"))
    if groups < 1 or W.shape[0] != x.shape[0] or W.shape[0] % groups:
        raise node.refusal(f"its W {W.shape} in {groups} groups does not fit its {x.shape[0]} channels")
    filters = W.shape[1] * groups
    b, place = _bias(node, filters), _spread(node, axes, x.shape[1:], W.shape[2:])
    layer = Conv2DTranspose(
        filters, W.shape[2:], strides=place.strides, padding=place.padding, dilation=place.dilation, groups=groups,
        bias=bool(b),
    )  # fmt: skip
    weights = {"W": W.transpose(2, 3, 1, 0), **b}
    return sequences(node, node.add(layer, x, weights=weights), axes)


def _spread(node: Node, axes: int, size: Any, window: Any) -> Places:
    """Where windows go, with the padding that output_shape or auto_pad ask for."""
    place = places(node, axes, size, window, transposed=True)
    more = [int(each) for each in node.attr("output_padding") or [0] * axes] + [0] * (2 - axes)
    target = node.attr("output_shape")
    mode = node.attr("auto_pad")
    if target is None and mode not in ("SAME_UPPER", "SAME_LOWER"):
        down, across = ((p[0], p[1] - m) for p, m in zip(place.padding, more, strict=True))
        return replace(place, padding=(down, across))
    full = [
        s * (n - 1) + m + (k - 1) * d + 1
        for s, n, m, k, d in zip(place.strides, size, more, window, place.dilation, strict=True)
    ]
    wanted = [n * s for n, s in zip(size, place.strides, strict=True)]
    if target is not None:
        wanted = [int(each) for each in target[-axes:]] + [1] * (2 - axes)
    pads = []
    for whole, size_, m in zip(full, wanted, more, strict=True):
        total = whole - size_
        before = total // 2 if mode == "SAME_UPPER" else total - total // 2
        pads.append((before, total - before - m))
    return replace(place, padding=(pads[0], pads[1]))
