"""Layers that move numbers about."""

from __future__ import annotations

from typing import cast

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers._windows import Sides, pair, sides


@writes("flatten", to="Flatten")
def flatten(step: Step) -> Value | str:
    """In this package's order of axes"""
    return step.value if len(step.x) == 1 else step.op("Flatten", step.held(), axis=1)


@writes("reshape", to="Reshape", keeps_zeros=True)
def reshape(step: Step) -> Value | str:
    """The axis of rows stays"""
    if tuple(step.node.shape) == tuple(step.x):
        return step.value
    return step.op("Reshape", step.held(), step.integers(0, *step.node.shape))


@writes("permute", to="Transpose", keeps_zeros=True)
def permute(step: Step) -> Value:
    """None where the tensor is there already in the order wanted"""
    order, rank = tuple(step.layer.order), len(step.x)
    if order == tuple(range(1, rank + 1)):
        return step.value
    value = step.value
    if order == (rank, *range(1, rank)):
        return step.out(value.first())
    if order == (*range(2, rank + 1), 1):
        return step.out(value.held(), first=True)
    return step.out(step.op("Transpose", value.held(), perm=[0, *order]))


@writes("slice", to="Slice", keeps_zeros=True, by_length=True)
def slice_(step: Step) -> Value:
    """Steps counted from each row's own end by Gather"""
    layer, axis = step.layer, step.layer.axis % len(step.x)
    if step.rows is not None:
        lengths = np.arange(step.rows.steps + 1)
        starts = [slice(layer.start, layer.stop).indices(int(length))[0] for length in lengths]
        return step.out(step.rows.shifted(step.held(), len(step.x), starts, step.node.shape[0]))
    start, stop, _ = slice(layer.start, layer.stop).indices(step.x[axis])
    first = step.value.is_first
    return step.out(sliced(step, step.value.tensor(first), [start], [stop], [step.value.axis(axis, first)]), first)


def sliced(step: Step, x: str, starts: list[int], stops: list[int], axes: list[int]) -> str:
    return step.op("Slice", x, step.integers(*starts), step.integers(*stops), step.integers(*axes))


@writes("random_crop", to="Slice", by_length=True)
def random_crop(step: Step) -> Value:
    """The middle"""
    height, width = step.layer.height, step.layer.width
    left = (step.x[1] - width) // 2
    if step.rows is not None:
        starts = [(max(length, height) - height) // 2 for length in range(step.rows.steps + 1)]
        middle = step.rows.shifted(step.held(), 3, starts, height)
        return step.out(sliced(step, middle, [left], [left + width], [2]))
    top, first = (step.x[0] - height) // 2, step.value.is_first
    axes = [step.value.axis(axis, first) for axis in (0, 1)]
    return step.out(sliced(step, step.value.tensor(first), [top, left], [top + height, left + width], axes), first)


@writes("zero_padding2d", to="Pad")
def zero_padding2d(step: Step) -> Value:
    rows, columns = cast(tuple[Sides, Sides], sides(step.layer))
    return step.pointwise(lambda x: padded(step, x, rows, columns, step.value.is_first))


def padded(step: Step, x: str, rows: Sides, columns: Sides, first: bool) -> str:
    """An image with zeros around it."""
    if not any((*rows, *columns)):
        return x
    before, after = [0] * 4, [0] * 4
    for axis, (begin, end) in enumerate((rows, columns)):
        place = axis + 2 if first else axis + 1
        before[place], after[place] = begin, end
    return step.op("Pad", x, step.integers(*before, *after), step.constant(np.float32(0)), mode="constant")


@writes("up_sampling2d", to="Resize", keeps_zeros=True)
def up_sampling2d(step: Step) -> Value:
    """Nearest, asymmetric, floor"""
    scales = step.constant(np.array([1, 1, *pair(step.layer, "size")], np.float32), "scales")
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return step.out(step.op("Resize", step.first(), "", scales, **options), first=True)


@writes("resizing", to="Shape, Concat, Resize", by_length=True)
def resizing(step: Step) -> Value | str:
    """Linear, half_pixel, without antialias; MatMul by each row's length where these differ"""
    height, width, channels = step.node.shape
    if step.rows is not None:
        return _resized_by_length(step, step.rows)
    rows = step.op("Shape", step.first(), start=0, end=1)
    sizes = step.op("Concat", rows, step.integers(channels, height, width), axis=0)
    options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return step.out(step.op("Resize", step.first(), "", "", sizes, **options), first=True)


def _resized_by_length(step: Step, rows: Rows) -> str:
    """Each axis by a matrix of what a cell takes of the cells around it."""
    height, width, channels = step.node.shape
    across = step.op("MatMul", step.constant(_taken(width, step.x[1], step.x[1])), step.held())
    flat = step.op("Reshape", across, step.integers(0, step.x[0], width * channels))
    down = np.stack([_taken(height, length, rows.steps) for length in range(rows.steps + 1)])
    return step.op("Reshape", step.op("MatMul", rows.table(down), flat), step.integers(0, height, width, channels))


def _taken(size: int, cells: int, columns: int) -> np.ndarray:
    """(size, columns): the bilinear weights of the first ``cells`` columns in each of ``size`` cells."""
    at = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, max(cells - 1, 0))
    tents = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(columns)))
    return np.where(np.arange(columns) < cells, tents, 0).astype(np.float32)
