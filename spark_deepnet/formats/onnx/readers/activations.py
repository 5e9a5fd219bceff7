"""Activations, and other functions of single numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._joined import joined
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.abs import Abs
from spark_deepnet.layers.clip import Clip
from spark_deepnet.layers.elu import Elu
from spark_deepnet.layers.erf import Erf
from spark_deepnet.layers.exponential import Exponential
from spark_deepnet.layers.gelu import Gelu
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.leaky_relu import LeakyRelu
from spark_deepnet.layers.log import Log
from spark_deepnet.layers.multiply import Multiply
from spark_deepnet.layers.power import Power
from spark_deepnet.layers.relu import Relu
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.selu import Selu
from spark_deepnet.layers.sigmoid import Sigmoid
from spark_deepnet.layers.softplus import Softplus
from spark_deepnet.layers.swish import Swish
from spark_deepnet.layers.tanh import Tanh

SINGLE: dict[str, tuple[Callable[[], Layer], int]] = {
    "Relu": (Relu, 14),
    "Sigmoid": (Sigmoid, 13),
    "Tanh": (Tanh, 13),
    "Softplus": (Softplus, 22),
    "Abs": (Abs, 13),
    "Erf": (Erf, 13),
    "Exp": (Exponential, 13),
    "Log": (Log, 13),
    "Neg": (lambda: Rescaling(-1.0), 13),
    "Sqrt": (lambda: Power(0.5), 13),
    "Reciprocal": (lambda: Power(-1.0), 13),
}
"""Operator without attributes -> its layer, and the last version that is known."""


def _single(node: Node) -> Tensor:
    return node.along(SINGLE[node.op][0](), node.tensor())


for _name, (_layer, _to) in SINGLE.items():
    reads(_name, to=_to, gives=_layer().kind)(_single)


@reads("LeakyRelu", to=16, gives="leaky_relu")
def leaky_relu(node: Node) -> Tensor:
    return node.along(LeakyRelu(float(node.attr("alpha"))), node.tensor())


@reads("Elu", to=22, gives="elu")
def elu(node: Node) -> Tensor:
    return node.along(Elu(float(node.attr("alpha"))), node.tensor())


@reads("Celu", to=28, since=12, gives="elu, rescaling")
def celu(node: Node) -> Tensor:
    """alpha elu(x / alpha)"""
    alpha = float(node.attr("alpha"))
    inner = node.along(Rescaling(1 / alpha), node.tensor(), suffix="scaled")
    return node.along(Rescaling(alpha), node.along(Elu(1.0), inner, suffix="elu"))


@reads("Selu", to=22, gives="selu, elu, rescaling")
def selu(node: Node) -> Tensor:
    """gamma elu(x), where they are not those of the paper"""
    alpha, gamma = float(node.attr("alpha")), float(node.attr("gamma"))
    if np.allclose((alpha, gamma), (1.6732632423543772, 1.0507009873554805), rtol=1e-4):
        return node.along(Selu(), node.tensor())
    return node.along(Rescaling(gamma), node.along(Elu(alpha), node.tensor(), suffix="elu"))


def _hard_sigmoid(node: Node, alpha: float, beta: float, suffix: str = "") -> Tensor:
    inner = node.along(Rescaling(alpha, beta), node.tensor(), suffix="scaled")
    return node.along(Clip(0.0, 1.0), inner, suffix=suffix)


@reads("HardSigmoid", to=22, gives="rescaling, clip")
def hard_sigmoid(node: Node) -> Tensor:
    """min(max(alpha x + beta, 0), 1)"""
    return _hard_sigmoid(node, float(node.attr("alpha")), float(node.attr("beta")))


@reads("HardSwish", to=22, since=14, gives="rescaling, clip, multiply")
def hard_swish(node: Node) -> Tensor:
    """x times its hard sigmoid"""
    return joined(node, Multiply(), node.tensor(), _hard_sigmoid(node, 1 / 6, 0.5, "gate"))


@reads("Softsign", to=22, gives="abs, power, multiply")
def softsign(node: Node) -> Tensor:
    """x / (1 + |x|)"""
    size = node.along(Abs(), node.tensor(), suffix="abs")
    return joined(node, Multiply(), node.tensor(), node.along(Power(-1.0, 1.0, 1.0), size, suffix="reciprocal"))


@reads("Mish", to=22, since=18, gives="softplus, tanh, multiply")
def mish(node: Node) -> Tensor:
    """x tanh(softplus(x))"""
    gate = node.along(Tanh(), node.along(Softplus(), node.tensor(), suffix="softplus"), suffix="gate")
    return joined(node, Multiply(), node.tensor(), gate)


@reads("Gelu", to=20, since=20, gives="gelu")
def gelu(node: Node) -> Tensor:
    """Exact, or by tanh"""
    return node.along(Gelu(approximate=node.attr("approximate") == "tanh"), node.tensor())


@reads("Swish", to=24, since=24, gives="swish, rescaling")
def swish(node: Node) -> Tensor:
    """x sigmoid(alpha x)"""
    alpha, x = float(node.attr("alpha")), node.tensor()
    if alpha == 1:
        return node.along(Swish(), x)
    gate = node.along(Sigmoid(), node.along(Rescaling(alpha), x, suffix="scaled"), suffix="gate")
    return joined(node, Multiply(), x, gate)
