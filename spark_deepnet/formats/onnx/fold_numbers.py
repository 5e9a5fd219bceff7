"""How operators on numbers are computed from constants."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.arrays import SIZES
from spark_deepnet.formats.onnx.folding import folds, joint_size
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.package import onnx


def _divided(a: Any, b: Any) -> Any:
    """Whole numbers are divided towards 0."""
    return np.trunc(a / b).astype(a.dtype) if a.dtype.kind in "iu" else a / b


JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divided,
    "Max": np.maximum,
    "Min": np.minimum,
    "Sum": np.add,
    "Equal": np.equal,
    "Greater": np.greater,
    "Less": np.less,
    "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Pow": lambda a, b: np.power(a, b).astype(a.dtype),
}
SINGLE: dict[str, Callable[[Any], Any]] = {
    "Identity": np.asarray,
    "Neg": np.negative,
    "Abs": np.abs,
    "Sqrt": np.sqrt,
    "Exp": np.exp,
    "Log": np.log,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Not": np.logical_not,
    "Reciprocal": lambda a: (1 / a).astype(a.dtype),
}


@folds(*JOINED)
def joined(node: Node, inputs: Any) -> Any:
    joint_size(node, inputs)
    return reduce(JOINED[node.op], inputs)


@folds(*SINGLE)
def single(node: Node, inputs: Any) -> Any:
    return SINGLE[node.op](inputs[0])


@folds("Mod")
def mod(node: Node, inputs: Any) -> Any:
    joint_size(node, inputs)
    return (np.fmod if node.attr("fmod") else np.mod)(inputs[0], inputs[1])


@folds("Where")
def where(node: Node, inputs: Any) -> Any:
    joint_size(node, inputs)
    return np.where(*inputs)


@folds("Cast")
def cast(node: Node, inputs: Any) -> Any:
    to = int(node.attr("to"))
    if to not in SIZES:
        raise node.refusal(f"it casts to type {to}, which is not read")
    dtype = onnx("helper").tensor_dtype_to_np_dtype(to)
    return inputs[0].astype(dtype if dtype.kind in "fiub" else np.float32)


@folds("Constant")
def constant(node: Node, inputs: Any) -> Any:
    kinds = {"value": None, "value_float": np.float32, "value_int": np.int64}
    kinds |= {"value_floats": np.float32, "value_ints": np.int64}
    for name, kind in kinds.items():
        value = node.attr(name)
        if value is not None:
            return value if kind is None else np.array(value, kind)
    raise node.refusal("it has no numbers")
