"""Types that change each number by itself and have no weights of more than one number a channel."""

from __future__ import annotations

from math import log

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.elu import Elu
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.leaky_relu import LeakyRelu
from spark_deepnet.layers.relu import Relu
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.sigmoid import Sigmoid
from spark_deepnet.layers.softplus import Softplus
from spark_deepnet.layers.swish import Swish
from spark_deepnet.layers.tanh import Tanh


@reads("ReLU", param="relu_param", gives="relu, leaky_relu")
def relu(step: Step) -> Value:
    """With negative_slope too."""
    slope = step.get("negative_slope")
    return step.add(LeakyRelu(slope) if slope else Relu())


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
