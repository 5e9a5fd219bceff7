"""Operators that leave numbers as they are: Identity, Dropout, Cast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.formats.onnx.inputs import FLOATS, WHOLE
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.dropout import Dropout


@reads("Identity", to=25, gives="none")
def identity(node: Node) -> Tensor:
    return node.tensor(integer=True)


@reads("Dropout", to=22, gives="dropout")
def dropout(node: Node) -> Tensor:
    """Which scoring leaves out"""
    rate = (
        float(node.numbers(1, "ratio").item()) if node.version >= 12 and node.has(1) else float(node.attr("ratio", 0.5))
    )
    for name in ("seed", "is_test"):
        node.attr(name)
    if node.version >= 12 and node.has(2) and bool(np.any(node.const(2, "training_mode"))):
        raise node.refusal("it is in training mode; export the model in evaluation mode")
    return node.along(Dropout(rate), node.tensor()) if 0 < rate < 1 else node.tensor()


@reads("Cast", to=28, gives="none")
def cast(node: Node) -> Tensor:
    """To floating-point numbers: all are computed in float32"""
    x, to = node.tensor(integer=True), node.attr("to")
    number = {"FLOAT": 1, "FLOAT16": 10, "DOUBLE": 11}.get(to, 0) if isinstance(to, str) else int(to)
    if number in FLOATS:
        return replace(x, integer=False)
    if number in WHOLE and x.integer:
        return x
    raise node.refusal(f"it casts to the type {to}, which is not one of floating-point numbers")
