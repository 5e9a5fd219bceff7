"""Layers that work on each number by itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.formats.onnx.writers._value import Value


def scalar(step: Step, value: float) -> str:
    return step.constant(np.float32(value))


@writes("linear", "output", to="none", keeps_zeros=True)
def same(step: Step) -> Value:
    """The value that it reads"""
    return step.value


@writes("dropout", "spatial_dropout2d", "random_flip", to="none", keeps_zeros=True, by_length=True)
def training_only(step: Step) -> Value:
    """Nothing outside training"""
    return step.value


def _one(kind: str, operator: str, keeps_zeros: bool) -> None:
    @writes(kind, to=operator, keeps_zeros=keeps_zeros)
    def write(step: Step) -> Value:
        return step.pointwise(lambda x: step.op(operator, x))


for _kind, _operator, _keeps in (
    ("relu", "Relu", True),
    ("selu", "Selu", True),
    ("sigmoid", "Sigmoid", False),
    ("tanh", "Tanh", True),
    ("exponential", "Exp", False),
    ("softplus", "Softplus", False),
    ("abs", "Abs", True),
    ("erf", "Erf", True),
):
    _one(_kind, _operator, _keeps)


@writes("leaky_relu", to="LeakyRelu", keeps_zeros=True)
def leaky_relu(step: Step) -> Value:
    return step.pointwise(lambda x: step.op("LeakyRelu", x, alpha=float(step.layer.negative_slope)))


@writes("elu", to="Elu", keeps_zeros=True)
def elu(step: Step) -> Value:
    return step.pointwise(lambda x: step.op("Elu", x, alpha=float(step.layer.alpha)))


@writes("gelu", to="Erf or Tanh, Mul, Add", keeps_zeros=True)
def gelu(step: Step) -> Value:
    """With the error function, or with tanh where the layer says approximate"""

    def inner(x: str) -> str:
        if not step.layer.approximate:
            return step.op("Erf", step.op("Mul", x, scalar(step, math.sqrt(0.5))))
        cube = step.op("Mul", step.op("Mul", x, x), step.op("Mul", x, scalar(step, 0.044715)))
        return step.op("Tanh", step.op("Mul", step.op("Add", x, cube), scalar(step, math.sqrt(2 / math.pi))))

    def write(x: str) -> str:
        half = step.op("Mul", x, scalar(step, 0.5))
        return step.op("Mul", half, step.op("Add", inner(x), scalar(step, 1.0)))

    return step.pointwise(write)


@writes("swish", to="Sigmoid, Mul", keeps_zeros=True)
def swish(step: Step) -> Value:
    return step.pointwise(lambda x: step.op("Mul", x, step.op("Sigmoid", x)))


@writes("hard_sigmoid", to="HardSigmoid")
def hard_sigmoid(step: Step) -> Value:
    """With alpha 1/6, which is not the operator's default"""
    return step.pointwise(lambda x: _hard_sigmoid(step, x))


@writes("hard_swish", to="HardSigmoid, Mul", keeps_zeros=True)
def hard_swish(step: Step) -> Value:
    return step.pointwise(lambda x: step.op("Mul", x, _hard_sigmoid(step, x)))


def _hard_sigmoid(step: Step, x: str) -> str:
    return step.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@writes("hard_tanh", to="Clip", keeps_zeros=True)
def hard_tanh(step: Step) -> Value:
    return _clipped(step, -1.0, 1.0)


@writes("clip", to="Clip")
def clip(step: Step) -> Value:
    return _clipped(step, step.layer.low, step.layer.high)


def _clipped(step: Step, low: float | None, high: float | None) -> Value:
    bounds = ["" if bound is None else scalar(step, bound) for bound in (low, high)]
    return step.pointwise(lambda x: step.op("Clip", x, *bounds))


def line(step: Step, x: str, scale: float, shift: float) -> str:
    """scale x + shift"""
    if scale != 1:
        x = step.op("Mul", x, scalar(step, scale))
    return step.op("Add", x, scalar(step, shift)) if shift else x


def _pointwise_line(step: Step, scale: float, shift: float, after: Callable[[str], str]) -> Value:
    return step.pointwise(lambda x: after(line(step, x, scale, shift)))


@writes("rescaling", to="Mul, Add")
def rescaling(step: Step) -> Value:
    return _pointwise_line(step, step.layer.scale, step.layer.offset, lambda x: x)


@writes("log", to="Mul, Add, Log")
def log(step: Step) -> Value:
    layer = step.layer
    return _pointwise_line(step, layer.scale, layer.shift, lambda x: line(step, step.op("Log", x), layer.factor, 0.0))


@writes("power", to="Mul, Add, Pow")
def power(step: Step) -> Value:
    layer = step.layer
    return _pointwise_line(step, layer.scale, layer.shift, lambda x: step.op("Pow", x, scalar(step, layer.power)))
