"""InnerProduct."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.layers.reshape import Reshape


def _weights(blobs: Sequence[np.ndarray]) -> Arrays:
    """(outputs, inputs) as (inputs, outputs)"""
    return dict(zip(("W", "b"), (blobs[0].T, *blobs[1:]), strict=False))


def _transposed(blobs: Sequence[np.ndarray]) -> Arrays:
    return dict(zip(("W", "b"), blobs, strict=False))


@reads("InnerProduct", param="inner_product_param", gives="flatten, dense")
def inner_product(step: Step) -> Value:
    """Behind an image the rows of W are put in this package's order of axes."""
    (x,) = step.values
    axis, units, bias = step.axis(), int(step.get("num_output")), bool(step.get("bias_term"))
    layer = Dense(
        units,
        bias=bias,
        initializer=step.filler("weight_filler"),
        bias_initializer=step.filler("bias_filler") if bias else "constant",
    )
    inputs, transpose = prod(x.shape[axis:]), bool(step.get("transpose"))
    shapes = [(inputs, units) if transpose else (units, inputs), *([(units,)] if bias else [])]
    if x.steps_first and axis == 0:
        raise step.refusal("axis 0 would join the steps of a row; with steps first, axis 2 is that of features")
    if axis:
        x = step.add_foreign(Reshape((*x.shape[:axis], inputs)), x, suffix="rows")
    elif len(x.shape) > 1:
        x = step.add_foreign(Flatten(), x, suffix="flat")
    keys, convert = ("W", "b")[: len(shapes)], _transposed if transpose else _weights
    return step.add_weighted(layer, shapes, keys, convert, x, foreign=axis > 0)
