"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.formats.onnx.writers._windows import Axis, aligned, options
from spark_deepnet.layers._windows import pair


@writes("conv1d", "conv2d", to="Conv", by_length=True)
def conv(step: Step) -> Value:
    """With pads that say all, never auto_pad"""
    axes = _axes(step)
    if step.rows is None:
        x = step.first()
    else:
        x, axes[0] = aligned(step, step.rows, axes[0])
    W = step.w["W"].transpose(-1, -2, *range(len(axes)))
    more: dict[str, Any] = {"group": step.layer.groups, "dilations": [axis.dilation for axis in axes]}
    return step.out(step.op("Conv", x, step.constant(W, "W"), *_bias(step), **options(axes), **more), first=True)


def _axes(step: Step) -> list[Axis]:
    layer = step.layer
    if layer.kind == "conv1d":
        size, stride, padding, dilation = layer.down()
        return [Axis(step.x[0], size, stride, dilation, padding)]
    padding = layer.sides()
    each = (padding, padding) if isinstance(padding, str) else padding
    window, strides, dilation = (pair(layer, name) for name in ("kernel_size", "strides", "dilation"))
    return [Axis(step.x[k], window[k], strides[k], dilation[k], each[k]) for k in (0, 1)]


def _bias(step: Step) -> tuple[str, ...]:
    return (step.constant(step.w["b"], "b"),) if "b" in step.w else ()


@writes("conv2d_transpose", to="ConvTranspose")
def conv2d_transpose(step: Step) -> Value:
    """Padding below 0 at the end as output_padding"""
    layer, window = step.layer, step.layer.place(step.x)[1]
    before = (window.top, window.left)
    size, strides, dilation = (pair(layer, name) for name in ("kernel_size", "strides", "dilation"))
    after = [
        strides[k] * (step.x[k] - 1) + dilation[k] * (size[k] - 1) + 1 - before[k] - step.node.shape[k] for k in (0, 1)
    ]
    attributes = {
        "kernel_shape": list(size),
        "strides": list(strides),
        "dilations": list(dilation),
        "pads": [*before, *(max(0, end) for end in after)],
        "output_padding": [max(0, -end) for end in after],
        "group": layer.groups,
    }
    W = step.constant(np.transpose(step.w["W"], (3, 2, 0, 1)), "W")
    return step.out(step.op("ConvTranspose", step.first(), W, *_bias(step), **attributes), first=True)
