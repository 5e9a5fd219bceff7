"""Types that change each number by itself and have no weights of more than one number a channel."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.abs import Abs
from spark_deepnet.layers.clip import Clip
from spark_deepnet.layers.elu import Elu
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.layers.leaky_relu import LeakyRelu
from spark_deepnet.layers.log import Log
from spark_deepnet.layers.power import Power
from spark_deepnet.layers.prelu import PRelu
from spark_deepnet.layers.relu import Relu
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.sigmoid import Sigmoid
from spark_deepnet.layers.softplus import Softplus
from spark_deepnet.layers.swish import Swish
from spark_deepnet.layers.tanh import Tanh


@reads("ReLU", param="relu_param", gives="relu, leaky_relu")
def relu(step: Step) -> Value:
    """With negative_slope too."""
    factor = step.get("negative_slope")
    return step.add(LeakyRelu(factor) if factor else Relu())


@reads("ReLU6", gives="clip")
def relu6(step: Step) -> Value:
    """Of forks: min(max(x, 0), 6)"""
    return step.add(Clip(0.0, 6.0))


@reads("ELU", param="elu_param", gives="elu")
def elu(step: Step) -> Value:
    """With alpha."""
    return step.add(Elu(step.get("alpha")))


@reads("Sigmoid", param="sigmoid_param", gives="sigmoid")
def sigmoid(step: Step) -> Value:
    return step.add(Sigmoid())


@reads("TanH", param="tanh_param", gives="tanh")
def tanh(step: Step) -> Value:
    return step.add(Tanh())


@reads("BNLL", gives="softplus")
def bnll(step: Step) -> Value:
    """log(1 + e^x)"""
    return step.add(Softplus())


@reads("Swish", param="swish_param", gives="swish")
def swish(step: Step) -> Value:
    """x sigmoid(beta x): for a beta other than 1, the input is scaled before and the output behind."""
    beta = step.get("beta")
    if beta == 1:
        return step.add(Swish())
    if beta == 0:
        return step.add(Rescaling(0.5))
    return step.add(Rescaling(1 / beta), step.add(Swish(), scaled(step, beta, 0.0, "scaled"), suffix="swish"))


def scaled(step: Step, scale: float, shift: float, suffix: str, *values: Value) -> Value:
    """scale x + shift, or x itself where that is the same."""
    x = values[0] if values else step.values[0]
    return x if (scale, shift) == (1, 0) else step.add(Rescaling(scale, shift), x, suffix=suffix)


@reads("AbsVal", gives="abs")
def absolute(step: Step) -> Value:
    return step.add(Abs())


@reads("Clip", param="clip_param", gives="clip")
def clip(step: Step) -> Value:
    """Between min and max."""
    if not (step.has("min") and step.has("max")):
        raise step.refusal("clip_param needs min and max")
    return step.add(Clip(step.get("min"), step.get("max")))


def _alpha(blobs: Sequence[np.ndarray]) -> Arrays:
    return {"alpha": blobs[0].reshape(-1)}


@reads("PReLU", param="prelu_param", gives="prelu")
def prelu(step: Step) -> Value:
    """With one factor a channel, or one for all (channel_shared)."""
    shared = bool(step.get("channel_shared"))
    own = {"initializer": step.filler("filler")} if step.has("filler") else {}
    shape = () if shared else step.values[0].shape[:1]
    return step.add_weighted(PRelu(axes=0 if shared else 1, **own), [shape], ["alpha"], _alpha)


@reads("Power", param="power_param", gives="power, rescaling")
def power(step: Step) -> Value:
    """(scale x + shift)^power"""
    exponent, scale, shift = (step.get(name) for name in ("power", "scale", "shift"))
    return step.add(Rescaling(scale, shift) if exponent == 1 else Power(exponent, scale, shift))


@reads("Log", param="log_param", gives="log")
def logarithm(step: Step) -> Value:
    """log_base(scale x + shift)"""
    base = None if step.get("base") == -1 else step.get("base")
    return step.add(Log(base, step.get("scale"), step.get("shift")))


@reads("Exp", param="exp_param", gives="rescaling, exponential")
def exp(step: Step) -> Value:
    """base^(scale x + shift)"""
    factor = _log_of_base(step)
    x = scaled(step, factor * step.get("scale"), factor * step.get("shift"), "scaled")
    return step.add(Exponential(), x)


def _log_of_base(step: Step) -> float:
    """The natural logarithm of the base; -1 stands for e."""
    base = step.get("base")
    if base == -1:
        return 1.0
    if not base > 0:
        raise step.refusal(f"base must be above 0, or -1 for e, found {base}")
    return log(base)
