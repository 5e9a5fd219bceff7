"""Entries of an axis by their numbers: as a Slice where they follow one another, else by a product with ones and zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.permute import Permute
from spark_deepnet.layers.slice import Slice

MAX_PRODUCT = 1 << 22


def selected(node: Node, x: Tensor, axis: int, indices: Sequence[int], suffix: str = "") -> Tensor:
    """The entries of an axis of a row."""
    size = x.row[axis]
    if not indices or min(indices) < 0 or max(indices) >= size:
        raise node.refusal(
            f"it takes the entries {list(indices)[:10]} of an axis of {size}; expected at least one, in it"
        )
    first, last = min(indices), max(indices)
    if list(indices) == list(range(first, last + 1)):
        return _stretch(node, x, axis, (first, last + 1), suffix)
    size = last + 1 - first
    if size * len(indices) > MAX_PRODUCT:
        raise node.refusal(
            f"it takes {len(indices)} entries of an axis of {size}, not one after another; such an axis may have "
            f"{MAX_PRODUCT // len(indices)}"
        )
    part = _stretch(node, x, axis, (first, last + 1), f"{suffix or 'axis'}.part")
    return _product(node, part, axis, [k - first for k in indices], suffix)


def _stretch(node: Node, x: Tensor, axis: int, ends: tuple[int, int], suffix: str) -> Tensor:
    if ends == (0, x.row[axis]):
        return x
    return replace(x, value=node.add(Slice(*ends, axis=x.value.held_axis(axis)), x.value, suffix=suffix))


def _product(node: Node, x: Tensor, axis: int, indices: Sequence[int], suffix: str) -> Tensor:
    W = np.zeros((x.row[axis], len(indices)), np.float32)
    W[indices, np.arange(len(indices))] = 1
    layer = Dense(len(indices), bias=False, trainable=False)
    value, last = x.value, len(x.row) - 1
    own = value.held_axis(axis)
    order = tuple(k + 1 for k in (*range(own), *range(own + 1, last + 1), own))
    plain = Value(value.node, value.held, steps_first=True)
    if own != last:
        plain = node.add(Permute(order), plain, suffix=f"{suffix or 'axis'}.last")
    plain = node.add(layer, plain, weights={"W": W}, suffix=suffix)
    if own != last:
        plain = node.add(
            Permute(tuple(int(k) + 1 for k in np.argsort(order))), plain, suffix=f"{suffix or 'axis'}.back"
        )
    row = (*x.row[:axis], len(indices), *x.row[axis + 1 :])
    return replace(x, value=Value(plain.node, row, value.steps_first))
