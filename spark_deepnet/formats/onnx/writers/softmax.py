"""Softmax and its logarithm."""

from __future__ import annotations

from spark_deepnet.formats.onnx.writers._graph import LOWEST
from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers._axis import axis_of


@writes("softmax", to="Softmax", by_length=True)
def softmax(step: Step) -> Value:
    return _along(step, "Softmax")


@writes("log_softmax", to="LogSoftmax", by_length=True)
def log_softmax(step: Step) -> Value:
    return _along(step, "LogSoftmax")


def _along(step: Step, operator: str) -> Value:
    first = step.value.is_first
    x, rank = step.value.tensor(first), len(step.x)
    if step.rows is not None:
        x = step.rows.filled(x, rank, LOWEST, first)
    return step.out(step.op(operator, x, axis=step.value.axis(axis_of(step.layer, step.x), first)), first)
