"""Convolution and Deconvolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.formats.caffe.types._windows import above_zero, check_image, spatial
from spark_deepnet.layers.conv2d import Conv2D
from spark_deepnet.layers.conv2d_transpose import Conv2DTranspose
from spark_deepnet.layers.layer import Arrays


def _weights(blobs: Sequence[np.ndarray]) -> Arrays:
    """(a, b, h, w) as (h, w, b, a): Convolution's (outputs, inputs), Deconvolution's (inputs, outputs)."""
    return dict(zip(("W", "b"), (blobs[0].transpose(2, 3, 1, 0), *blobs[1:]), strict=False))


def fields(step: Step) -> dict[str, Any]:
    """What both kinds have in common; every option is of an image's two axes."""
    check_image(step)
    if step.get("axis") != 1:
        raise step.refusal(f"axis must be 1, the channels, found {step.get('axis')}")
    padding, bias = spatial(step, "pad", "pad", 0), bool(step.get("bias_term"))
    start = step.filler("bias_filler") if bias else "constant"
    return {
        "filters": int(step.get("num_output")),
        "kernel_size": above_zero(step, "kernel_size", spatial(step, "kernel_size", "kernel", None)),
        "strides": above_zero(step, "stride", spatial(step, "stride", "stride", 1)),
        "padding": padding,
        "dilation": above_zero(step, "dilation", spatial(step, "dilation", None, 1)),
        "groups": int(step.get("group")),
        "bias": bias,
        "initializer": step.filler("weight_filler"),
        "bias_initializer": start,
    }


def _add(step: Step, layer: Any, first: int, second: int) -> Value:
    shapes = [(first, second, *layer.kernel_size), *([(layer.filters,)] if layer.bias else [])]
    return step.add_weighted(layer, shapes, ("W", "b")[: len(shapes)], _weights)


@reads("Convolution", param="convolution_param", gives="conv2d")
def convolution(step: Step) -> Value:
    """Of images; groups and dilation too."""
    layer = Conv2D(**fields(step))
    layer.check_groups(step.values[0].shape[0])
    return _add(step, layer, layer.filters, step.values[0].shape[0] // layer.groups)


@reads("ConvolutionDepthwise", "DepthwiseConvolution", param="convolution_param", gives="conv2d")
def depthwise(step: Step) -> Value:
    """Of forks: a Convolution with a group for each channel."""
    channels = step.values[0].shape[0]
    layer = Conv2D(**{**fields(step), "groups": channels})
    return _add(step, layer, layer.filters, 1)


@reads("Deconvolution", param="convolution_param", gives="conv2d_transpose")
def deconvolution(step: Step) -> Value:
    """Of images; groups and dilation too."""
    layer = Conv2DTranspose(**fields(step))
    layer.check_groups(step.values[0].shape[0])
    return _add(step, layer, step.values[0].shape[0], layer.filters // layer.groups)
