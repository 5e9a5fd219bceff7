"""Runs a layer whose result depends on where each padded row ends: rows of each length separately, cut to that length.

Each pass allocates its arrays. Only layers with an unusual field run in this way (``Masking.BY_LENGTH``); the zeros
after a row do not affect the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.layer import Arrays, Call, Layer


@dataclass
class Group:
    """The rows of one length, as passed to the layer."""

    rows: np.ndarray
    length: int
    x: tuple[np.ndarray, ...]
    y: np.ndarray
    call: Call


def forward_by_length(layer: Layer, w: Arrays, x: Any, y: np.ndarray, call: Call) -> list[Group]:
    """Write y, with zeros after a row's end. Returns the groups, which the backward pass needs."""
    assert call.lengths is not None
    by_length = [_group(layer, _tuple(x), int(length), call, y.dtype) for length in np.unique(call.lengths)]
    groups = [group for group in by_length if group is not None]
    y[...] = 0  # y may be the memory of x, of which the groups have copies
    for group in groups:
        layer.forward(w, group.x if layer.multi_input else group.x[0], group.y, group.call)
        y[_index(group.rows, group.y)] = group.y
    return groups


def _group(layer: Layer, x: tuple[np.ndarray, ...], length: int, call: Call, dtype: Any) -> Group | None:
    """None if rows of this length have no output."""
    if length == 0:
        return None
    rows = np.flatnonzero(call.lengths == length)
    own = tuple(a[rows, : layer.cut_length(length)] for a in x)
    shapes: Any = tuple(a.shape[1:] for a in own) if layer.multi_input else own[0].shape[1:]
    try:
        y = aligned((len(rows), *layer.shape(shapes)), dtype)
    except NetworkError:
        return None
    saved = {k: aligned((len(rows), *s), t or dtype) for k, (s, t) in layer.saves(shapes).items()}
    return Group(rows, length, own, y, replace(call, lengths=None, rows=call.rows[rows], saved=saved))


def backward_by_length(
    layer: Layer, w: Arrays, groups: list[Group], dy: np.ndarray, dx: Any, gradients: Arrays
) -> None:
    """Write dx, with zeros after each row's end, and the weights' gradients: the sums over the groups."""
    dys = [dy[_index(group.rows, group.y)] for group in groups]  # copies: dx may be the memory of dy
    targets = _tuple(dx) if dx is not None else ()
    for array in (*gradients.values(), *targets):
        if array is not None:
            array[...] = 0
    for group, own_dy in zip(groups, dys, strict=True):
        own_dx = tuple(None if to is None else np.empty_like(a) for a, to in zip(group.x, targets, strict=False))
        own = {name: np.empty_like(array) for name, array in gradients.items()}
        passed: Any = own_dx if layer.multi_input else own_dx[0] if own_dx else None
        layer.backward(w, group.x if layer.multi_input else group.x[0], group.y, own_dy, passed, own, group.call)
        for name, array in own.items():
            gradients[name] += array
        for part, to in zip(own_dx, targets, strict=False):
            if part is not None:
                to[group.rows, : group.length] = part[:, : group.length]


def _tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def _index(rows: np.ndarray, y: np.ndarray) -> Any:
    """The index of the group's y in the y of all rows."""
    return (rows, slice(y.shape[1])) if y.ndim > 1 else (rows,)
