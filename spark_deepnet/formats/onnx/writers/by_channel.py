"""Layers with a constant or a weight for each channel, or for each number of a row."""

from __future__ import annotations

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value
from spark_deepnet.layers.layer import Call
from spark_deepnet.layers.normalization import factor_of


@writes("scale", to="Mul, Add")
def scale(step: Step) -> Value:
    first = step.value.is_first
    return step.pointwise(lambda x: scaled(step, x, step.w.get("gamma"), step.w.get("beta"), first))


def scaled(step: Step, x: str, gamma: np.ndarray | None, beta: np.ndarray | None, first: bool) -> str:
    """gamma x + beta, each where there is one."""
    for operator, name, array in (("Mul", "gamma", gamma), ("Add", "beta", beta)):
        if array is not None:
            x = step.op(operator, x, step.broadcast(array, name, first))
    return x


@writes("mean_image", to="Sub")
def mean_image(step: Step) -> Value:
    return _minus(step, step.w["mean"])


@writes("normalization", to="Sub, Mul; Mul, Add")
def normalization(step: Step) -> Value:
    mean, deviation, first = step.w["mean"], step.w["deviation"], step.value.is_first
    if step.layer.invert:
        return step.pointwise(lambda x: scaled(step, x, deviation, mean, first))

    def standardized(x: str) -> str:
        centred = step.op("Sub", x, step.broadcast(mean, "mean", first))
        return step.op("Mul", centred, step.broadcast(factor_of(deviation), "factor", first))

    return step.pointwise(standardized)


@writes("mean_subtraction", to="Sub")
def mean_subtraction(step: Step) -> Value:
    return _minus(step, np.array(step.layer.mean, np.float32))


def _minus(step: Step, mean: np.ndarray) -> Value:
    first = step.value.is_first
    return step.pointwise(lambda x: step.op("Sub", x, step.broadcast(mean, "mean", first)))


@writes("prelu", to="PRelu", keeps_zeros=True)
def prelu(step: Step) -> Value:
    first = step.value.is_first
    return step.pointwise(lambda x: step.op("PRelu", x, step.broadcast(step.w["alpha"], "alpha", first)))


@writes("positional_embedding", to="Add")
def positional_embedding(step: Step) -> str:
    """Learned or waves"""
    positions = np.empty((1, *step.x), np.float32)
    step.layer.forward(step.w, np.zeros_like(positions), positions, Call())
    return step.op("Add", step.held(), step.constant(positions[0], "P"))
