"""Layers that join inputs."""

from __future__ import annotations

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers._axis import axis_of


def _tensors(step: Step) -> tuple[bool, list[str]]:
    """(whether with the channels in front, the tensors of all inputs): in the order that one of them has alone."""
    first = any(value.is_first for value in step.values)
    return first, [value.tensor(first) for value in step.values]


@writes("add", to="Add or Sum", keeps_zeros=True)
def add(step: Step) -> Value:
    first, tensors = _tensors(step)
    return step.out(step.op("Add" if len(tensors) == 2 else "Sum", *tensors), first)


@writes("multiply", to="Mul", keeps_zeros=True)
def multiply(step: Step) -> Value:
    first, (product, *others) = _tensors(step)
    for other in others:
        product = step.op("Mul", product, other)
    return step.out(product, first)


@writes("maximum", to="Max", keeps_zeros=True)
def maximum(step: Step) -> Value:
    first, tensors = _tensors(step)
    return step.out(step.op("Max", *tensors), first)


@writes("concatenate", to="Concat", keeps_zeros=True)
def concatenate(step: Step) -> Value:
    first, tensors = _tensors(step)
    axis = step.value.axis(axis_of(step.layer, step.x[0]), first)
    return step.out(step.op("Concat", *tensors, axis=axis), first)
