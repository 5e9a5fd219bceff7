"""Normalizations."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.formats.onnx.writers.by_channel import scaled
from spark_deepnet.formats.onnx.writers.shapes import padded


@writes("batch_norm", to="BatchNormalization or Sub, Mul, Add")
def batch_norm(step: Step) -> Value:
    """By the moving statistics; three operators where the channels are the last axis"""
    w, epsilon = step.w, float(step.layer.epsilon)
    mean, variance = w["moving_mean"], w["moving_variance"]
    gamma, beta = w.get("gamma", np.ones_like(mean)), w.get("beta", np.zeros_like(mean))
    first = step.value.is_first
    if first or len(step.x) == 1:
        names = zip(("gamma", "beta", "moving_mean", "moving_variance"), (gamma, beta, mean, variance), strict=True)
        arrays = [step.constant(array, name) for name, array in names]
        return step.out(step.op("BatchNormalization", step.first(), *arrays, epsilon=epsilon), first=True)
    factor = (gamma / np.sqrt(variance.astype(np.float64) + epsilon)).astype(np.float32)
    centred = step.op("Sub", step.held(), step.broadcast(mean, "mean", first))
    return step.out(scaled(step, centred, factor, w.get("beta"), first))


@writes("layer_norm", to="LayerNormalization")
def layer_norm(step: Step) -> str:
    layer, arrays = step.layer, [step.constant(step.w[name], name) for name in ("gamma", "beta")]
    return step.op("LayerNormalization", step.held(), *arrays, axis=-layer.axes, epsilon=float(layer.epsilon))


@writes("instance_norm", to="InstanceNormalization or ReduceMean, Sub, Mul, Sqrt, Div", by_length=True)
def instance_norm(step: Step) -> Value:
    """One operator for mean and variance over a channel's cells; several for Caffe's MVN and rows of different lengths"""
    layer, w = step.layer, step.w
    if step.rows is None and layer.variance and not (layer.outside or layer.across):
        ones = np.ones(step.x[-1], np.float32)
        arrays = step.constant(w.get("gamma", ones), "gamma"), step.constant(w.get("beta", 0 * ones), "beta")
        y = step.op("InstanceNormalization", step.first(), *arrays, epsilon=float(layer.epsilon))
        return step.out(y, first=True)
    first = step.value.is_first
    return step.pointwise(lambda x: scaled(step, _normed(step, x, first), w.get("gamma"), w.get("beta"), first))


def _normed(step: Step, x: str, first: bool) -> str:
    layer, rank, rows = step.layer, len(step.x), step.rows
    d = step.op("Sub", x, _mean(step, x, rows, first))
    if rows is not None:
        d = rows.filled(d, rank, first=first)
    if not layer.variance:
        return str(d)
    variance, epsilon = _mean(step, step.op("Mul", d, d), rows, first), step.constant(np.float32(layer.epsilon))
    if layer.outside:
        return str(step.op("Div", d, step.op("Add", step.op("Sqrt", variance), epsilon)))
    return str(step.op("Div", d, step.op("Sqrt", step.op("Add", variance, epsilon))))


def _mean(step: Step, x: str, rows: Rows | None, first: bool) -> str:
    """Over the cells of each row, and over the channels too where the layer says across."""
    rank = len(step.x)
    own = range(rank if step.layer.across else rank - 1)
    axes = [step.value.axis(axis, first) for axis in own]
    if rows is None:
        return str(step.op("ReduceMean", x, axes=axes, keepdims=1))
    each = int(np.prod([step.x[axis] for axis in own if axis]))
    cells = rows.numbers(np.maximum(np.arange(rows.steps + 1), 1) * each, rank + 1)
    return str(step.op("Div", step.op("ReduceSum", x, step.integers(*axes), keepdims=1), cells))


@writes("l2_normalize", to="Mul, ReduceSum, Add, Sqrt, Div", keeps_zeros=True)
def l2_normalize(step: Step) -> Value:
    first, rank = step.value.is_first, len(step.x)
    axes = [step.value.axis(axis, first) for axis in range(rank - step.layer.axes, rank)]

    def write(x: str) -> str:
        squares = step.op("ReduceSum", step.op("Mul", x, x), step.integers(*axes), keepdims=1)
        root = step.op("Sqrt", step.op("Add", squares, step.constant(np.float32(step.layer.epsilon))))
        return str(step.op("Div", x, root))

    return step.pointwise(write)


@writes("local_response_norm", to="LRN or Mul, Pad, AveragePool, Pow, Div", keeps_zeros=True)
def local_response_norm(step: Step) -> Value:
    """LRN across channels; within a channel by the mean of squares under a window"""
    layer, x = step.layer, step.first()
    size, alpha, beta, k = layer.size, float(layer.alpha), float(layer.beta), float(layer.k)
    if layer.region == "across_channels":
        return step.out(step.op("LRN", x, size=size, alpha=alpha, beta=beta, bias=k), first=True)
    half = size // 2
    squares = padded(step, step.op("Mul", x, x), (half, half), (half, half), first=True)
    mean = step.op("AveragePool", squares, kernel_shape=[size, size], strides=[1, 1], count_include_pad=0)
    base = step.op("Add", step.op("Mul", mean, step.constant(np.float32(alpha))), step.constant(np.float32(k)))
    return step.out(step.op("Div", x, step.op("Pow", base, step.constant(np.float32(beta)))), first=True)
