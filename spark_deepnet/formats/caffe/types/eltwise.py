"""Eltwise."""

from __future__ import annotations

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.formats.caffe.types.activations import scaled
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.maximum import Maximum
from spark_deepnet.layers.multiply import Multiply

_KINDS = {0: Multiply, 1: Add, 2: Maximum}


@reads("Eltwise", param="eltwise_param", bottoms=(2, 10_000), gives="add, multiply, maximum")
def eltwise(step: Step) -> Value:
    """SUM with coefficients, PROD, MAX."""
    kind, coefficients = _KINDS[step.get("operation")], list(step.get("coeff"))
    if len({value.shape for value in step.values}) > 1:
        shapes = ", ".join(str(value.shape) for value in step.values)
        raise step.refusal(f"its inputs have the shapes {shapes}; they need one")
    if coefficients and (kind is not Add or len(coefficients) != len(step.values)):
        raise step.refusal(f"coeff needs the operation SUM and one number an input, found {coefficients}")
    if coefficients:
        pairs = zip(coefficients, step.values, strict=True)
        step.values = [scaled(step, coefficient, 0.0, f"scaled{k}", x) for k, (coefficient, x) in enumerate(pairs)]
    return step.add(kind())
