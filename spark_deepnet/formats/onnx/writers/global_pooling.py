"""Pooling over all of a row."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._graph import LOWEST
from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._rows import Rows
from spark_deepnet.formats.onnx.writers._step import Step


@writes("global_average_pool1d", to="ReduceMean or ReduceSum, Div", by_length=True)
def global_average_pool1d(step: Step) -> str:
    return _mean(step, step.padded)


@writes("global_average_pool2d", to="ReduceMean or ReduceSum, Div", by_length=True)
def global_average_pool2d(step: Step) -> str:
    return _mean(step, step.rows)


def _mean(step: Step, rows: Rows | None) -> str:
    x, axes = _cells(step)
    if rows is None:
        return step.op("ReduceMean", x, axes=axes, keepdims=0)
    cells = np.maximum(np.arange(rows.steps + 1), 1) * int(np.prod(step.x[1:-1]))
    total = step.op("ReduceSum", x, step.integers(*axes), keepdims=0)
    return step.op("Div", total, rows.numbers(cells, 2))


@writes("global_max_pool1d", to="ReduceMax", by_length=True)
def global_max_pool1d(step: Step) -> str:
    return _largest(step, step.padded)


@writes("global_max_pool2d", to="ReduceMax", by_length=True)
def global_max_pool2d(step: Step) -> str:
    return _largest(step, step.rows)


def _largest(step: Step, rows: Rows | None) -> str:
    """0 of a row without steps"""
    x, axes = _cells(step)
    if rows is None:
        return step.op("ReduceMax", x, axes=axes, keepdims=0)
    x = rows.filled(x, len(step.x), LOWEST, step.value.is_first)
    return rows.zero_if_empty(step.op("ReduceMax", x, axes=axes, keepdims=0), 2)


def _cells(step: Step) -> tuple[str, list[int]]:
    """(the tensor, its axes of cells), in the order that is there"""
    first = step.value.is_first
    axes = [step.value.axis(axis, first) for axis in range(len(step.x) - 1)]
    return step.value.tensor(first), axes
