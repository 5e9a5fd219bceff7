"""Scale and Bias, with numbers of their own or of a second bottom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.layer import Arrays, Layer
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.scale import Scale

ONE = {"kind": "constant", "value": 1.0}


def _gamma_beta(blobs: Sequence[np.ndarray]) -> Arrays:
    return dict(zip(("gamma", "beta"), blobs, strict=False))


def _beta(blobs: Sequence[np.ndarray]) -> Arrays:
    return {"beta": blobs[0]}


@reads("Scale", param="scale_param", bottoms=(1, 2), gives="scale, multiply")
def scale(step: Step) -> Value:
    """One number a channel, or a second bottom that has one."""
    bias = bool(step.get("bias_term"))
    start = step.filler("filler") if step.has("filler") else ONE
    beta = step.filler("bias_filler") if bias else "constant"
    if len(step.values) == 2:
        if bias:
            raise step.refusal("bias_term with two bottoms is not supported; add a Bias layer")
        return _joined(step, Multiply())
    _check_channels(step)
    shapes = [step.values[0].shape[:1]] * (2 if bias else 1)
    layer = Scale(center=bias, initializer=start, bias_initializer=beta)
    return step.add_weighted(layer, shapes, ("gamma", "beta")[: len(shapes)], _gamma_beta)


@reads("Bias", param="bias_param", bottoms=(1, 2), gives="scale, add")
def bias(step: Step) -> Value:
    """One number a channel, or a second bottom that has one."""
    start = step.filler("filler")
    if len(step.values) == 2:
        return _joined(step, Add())
    _check_channels(step)
    return step.add_weighted(Scale(scale=False, bias_initializer=start), [step.values[0].shape[:1]], ["beta"], _beta)


def _check_channels(step: Step) -> None:
    axes = step.get("num_axes")
    whole = len(step.values[0].shape) == 1 and axes == -1
    if step.axis() != 0 or not (axes == 1 or whole):
        raise step.refusal(f"axis {step.get('axis')} and num_axes {axes} are not the channels (1 and 1)")


def _joined(step: Step, layer: Layer) -> Value:
    """x with a second value that has rows too, and x's first sizes, or 1 instead of some."""
    x, y = step.values
    step.get("num_axes")
    axis, own = int(step.get("axis")), y.shape
    fits = own == x.shape[: len(own)] or (
        len(own) == len(x.shape) and all(b in (1, a) for a, b in zip(x.shape, own, strict=True))
    )
    if axis != 0 or not fits:
        raise step.refusal(
            f"its second bottom has {own} a row; with axis: 0 it could have the first sizes of {x.shape}, found axis {axis}"
        )
    if len(own) < len(x.shape):
        y = step.add_foreign(Reshape((*own, *(1,) * (len(x.shape) - len(own)))), y, suffix="wide")
    return step.add(layer, x, y)
