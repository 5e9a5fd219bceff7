"""Clip and PRelu."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._constants import row_of
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.clip import Clip
from spark_deepnet.layers.leaky_relu import LeakyRelu
from spark_deepnet.layers.prelu import PRelu


@reads("Clip", to=13, gives="clip")
def clip(node: Node) -> Tensor:
    """Between constant bounds"""
    low, high = _bound(node, "min", 1), _bound(node, "max", 2)
    if low is not None and high is not None and low > high:
        low = high
    return node.along(Clip(low, high), node.tensor())


def _bound(node: Node, name: str, k: int) -> float | None:
    """A bound; None where there is none, or it is that of all numbers."""
    if node.version >= 11:
        array = node.numbers(k, name) if node.has(k) else None
        if array is not None and array.size != 1:
            raise node.refusal(f"its {name} has the shape {array.shape}; expected one number")
        value = None if array is None else float(array.item())
    else:
        value = node.attr(name)
    return None if value is None or abs(value) >= np.finfo(np.float32).max else float(value)


@reads("PRelu", to=16, gives="prelu, leaky_relu")
def prelu(node: Node) -> Tensor:
    """With constant factors: one for all, one a channel, or one a place"""
    x, alpha = node.tensor(), node.numbers(1, "alpha")
    if alpha.size == 1:
        return node.along(LeakyRelu(float(alpha.item())), x)
    if node.version < 9 and alpha.ndim == 1 and x.rank > 2:
        alpha = alpha.reshape(-1, *(1,) * (x.rank - 2))
    row = row_of(node, alpha, x)
    if any(a not in (1, b) for a, b in zip(row.shape, x.row, strict=True)):
        raise node.refusal(f"its alpha has the shape {alpha.shape}, which does not go with {x}")
    if row.size == row.shape[0] and not x.rows:
        return replace(x, value=node.add(PRelu(), node.channels_last(x), weights={"alpha": row.reshape(-1)}))
    axes = len(x.row) - min(k for k, size in enumerate(row.shape) if size > 1)
    alpha = np.broadcast_to(row.reshape(row.shape[-axes:]), x.row[-axes:])
    return replace(x, value=node.add(PRelu(axes), node.in_file_order(x), weights={"alpha": alpha}))
