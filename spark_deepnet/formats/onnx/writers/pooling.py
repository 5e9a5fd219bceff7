"""Pooling over windows of images."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._graph import LOWEST
from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.formats.onnx.writers._windows import Axis, aligned, options
from spark_deepnet.formats.onnx.writers.shapes import padded
from spark_deepnet.layers._windows import pair, sides


def _axes(step: Step) -> list[Axis]:
    layer, padding = step.layer, sides(step.layer)
    each = (padding, padding) if isinstance(padding, str) else padding
    window, strides = pair(layer, "pool_size"), layer.steps()
    return [Axis(step.x[k], window[k], strides[k], 1, each[k], layer.ceil) for k in (0, 1)]


@writes("max_pool2d", to="MaxPool", by_length=True)
def max_pool2d(step: Step) -> Value:
    """A last window that reaches over the edge as pads, never ceil_mode"""
    axes = _axes(step)
    if step.rows is None:
        x = step.first()
    else:
        x, axes[0] = aligned(step, step.rows, axes[0], LOWEST)
    return step.out(step.op("MaxPool", x, **options(axes)), first=True)


@writes("average_pool2d", to="Pad, AveragePool", by_length=True)
def average_pool2d(step: Step) -> Value:
    """Padding that counts as Pad, what does not count as pads with count_include_pad 0"""
    if step.rows is not None:
        return _by_length(step, step.rows, *_axes(step))
    axes, x = _axes(step), step.first()
    if step.layer.count_padding:
        counted = [
            (before, min(after, max(end, 0))) for (_, before, after), (_, end) in ((a.place(), a.pads) for a in axes)
        ]
        x = padded(step, x, counted[0], counted[1], first=True)
        beyond = [(0, axis.pads[1] - own[1]) for axis, own in zip(axes, counted, strict=True)]
        axes = [
            Axis(a.size + sum(own), a.window, a.stride, 1, end)
            for a, own, end in zip(axes, counted, beyond, strict=True)
        ]
    return step.out(step.op("AveragePool", x, **options(axes), count_include_pad=0), first=True)


def _by_length(step: Step, rows: Rows, down: Axis, across: Axis) -> Value:
    """Sums over windows, divided by the number of cells that count in each row."""
    x, within = aligned(step, rows, down)
    x = padded(step, x, (0, 0), across.pads, first=True)
    width = Axis(across.size + sum(across.pads), across.window, across.stride, 1, (0, 0))
    means = step.op("AveragePool", x, **options([within, width]), count_include_pad=0)
    counts = np.stack([_counts(step, down, length, step.node.shape[0]) for length in range(rows.steps + 1)])
    area = np.float32(down.window * across.window)
    heights = step.op("Unsqueeze", rows.table(area / counts.astype(np.float32)), step.integers(1, 3))
    widths = step.constant(1 / _counts(step, across, across.size, step.node.shape[1]).astype(np.float32))
    return step.out(step.op("Mul", step.op("Mul", means, heights), widths), first=True)


def _counts(step: Step, axis: Axis, size: int, windows: int) -> np.ndarray:
    """(windows,): the cells along an axis of this size that count in each window, at least 1."""
    _, before, after = axis.place(size) if size else (0, 0, 0)
    begin = np.arange(windows) * axis.stride - before
    low, high = (-before, size + after) if step.layer.count_padding else (0, size)
    return np.maximum(np.minimum(begin + axis.window, high) - np.maximum(begin, low), 1)
