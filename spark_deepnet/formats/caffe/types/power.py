"""Power."""

from __future__ import annotations

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.rescaling import Rescaling


@reads("Power", param="power_param", gives="rescaling")
def power(step: Step) -> Value:
    """(scale x + shift)^power"""
    exponent, scale, shift = (step.get(name) for name in ("power", "scale", "shift"))
    if exponent == 1:
        return step.add(Rescaling(scale, shift))
    raise step.refusal(f"power {exponent} is not supported")
