"""Nodes whose inputs are all known are computed when the file is read, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.values import ROWS, Const, Operand, Table, Tensor

MAX_NUMBERS = 1 << 27
"""Of an array that is computed."""
Inputs = Sequence["np.ndarray | None"]
Fold = Callable[[Node, Any], Any]
_FOLDS: dict[str, Fold] = {}


def folds(*names: str) -> Callable[[Fold], Fold]:
    """Register how operators are computed: from the node and its inputs' arrays to the outputs' arrays."""

    def register(fold: Fold) -> Fold:
        _FOLDS.update(dict.fromkeys(names, fold))
        return fold

    return register


def folded(node: Node) -> list[Const | Table] | None:
    """The outputs of a node that hangs on constants and shapes alone; None if it does not."""
    first: Operand = node.inputs[0] if node.inputs else None
    if node.op in ("Shape", "Size") and isinstance(first, Tensor):
        return [_sizes(node, *(np.array(first.sizes(rows), np.int64) for rows in ROWS))]
    if node.op not in _FOLDS or not all(x is None or isinstance(x, Const | Table) for x in node.inputs):
        return None
    known = [x for x in node.inputs if isinstance(x, Const)]
    if any(isinstance(x, Table) for x in node.inputs):
        arrays = _computed(node, [x.array if isinstance(x, Const | Table) else None for x in node.inputs])
        return [Table(each) for each in arrays]
    if node.op != "Constant" and not known:
        raise node.refusal("it has no inputs")
    arrays = _computed(node, [x.array if isinstance(x, Const) else None for x in node.inputs])
    if all(x.fixed for x in known):
        return [Const.of(array) for array in arrays]
    others = _computed(node, [x.other if isinstance(x, Const) else None for x in node.inputs])
    return [Const(*pair) for pair in zip(arrays, others, strict=True)]


def _sizes(node: Node, *sizes: np.ndarray) -> Const:
    if node.op == "Size":
        return Const(*(np.array(prod(each.tolist()), np.int64) for each in sizes))
    start, end = int(node.attr("start", 0)), node.attr("end")
    return Const(*(each[start : None if end is None else int(end)] for each in sizes))


def _computed(node: Node, inputs: Inputs) -> list[np.ndarray]:
    for array in inputs:
        if array is not None and array.dtype.kind not in "fiub":
            raise node.refusal("it computes with constants that are no numbers")
    try:
        with np.errstate(all="ignore"):
            results = _FOLDS[node.op](node, list(inputs))
    except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise node.refusal(f"it cannot be computed from its constants: {str(error)[:200]}") from None
    node.check_attributes()
    return [np.asarray(each) for each in (results if isinstance(results, list) else [results])]


def check_size(node: Node, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape, unless an array of it would be too large."""
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or prod(sizes) > MAX_NUMBERS:
        raise node.refusal(f"a constant of shape {sizes} is not computed; the limit is {MAX_NUMBERS} numbers")
    return sizes


def joint_size(node: Node, arrays: Sequence[np.ndarray]) -> None:
    """Refuse arrays that together broadcast to too many numbers."""
    check_size(node, np.broadcast_shapes(*(array.shape for array in arrays)))
