"""Constants that go element by element with values of the network."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from spark_deepnet.formats.axes import TO_HELD, Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.readers._select import selected
from spark_deepnet.formats.onnx.values import Tensor
from spark_deepnet.layers.layer import Shape
from spark_deepnet.layers.positional_embedding import PositionalEmbedding
from spark_deepnet.layers.rescaling import Rescaling
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.scale import Scale


def row_of(node: Node, array: np.ndarray, x: Tensor) -> np.ndarray:
    """A constant as it goes with each row of x: without the axis of rows, with as many axes as the row."""
    if array.ndim > x.rank and max(array.shape[: array.ndim - x.rank], default=1) > 1:
        raise node.refusal(f"a constant of shape {array.shape} would give its input {x} more axes")
    array = array.reshape(array.shape[array.ndim - x.rank :]) if array.ndim > x.rank else array
    array = array.reshape((1,) * (x.rank - array.ndim) + array.shape)
    if array.shape[x.rows] != 1:
        raise node.refusal(f"a constant of shape {array.shape} has an entry for each row of {x}; one for all is read")
    return array.reshape(array.shape[: x.rows] + array.shape[x.rows + 1 :])


def line(node: Node, x: Tensor, gamma: np.ndarray | None, beta: np.ndarray | None, suffix: str = "") -> Tensor:
    """gamma x + beta, with constants that broadcast."""
    arrays = [row_of(node, each, x) for each in (gamma, beta) if each is not None]
    if max(each.size for each in arrays) == 1:
        a, b = (1.0 if gamma is None else gamma.item()), (0.0 if beta is None else beta.item())
        return node.along(Rescaling(float(a), float(b)), x, suffix=suffix)
    return _scaled(node, _widened(node, x, arrays[0].shape), gamma, beta, suffix)


def _widened(node: Node, x: Tensor, shape: Shape) -> Tensor:
    """x, repeated along axes of 1 where a constant has more entries."""
    whole = _joint(node, x, shape)
    for axis, (own, size) in enumerate(zip(x.row, whole, strict=True)):
        if own != size:
            x = selected(node, x, axis, [0] * size, suffix=f"wide{axis}")
    return x


def _joint(node: Node, x: Tensor, shape: Shape) -> Shape:
    try:
        return np.broadcast_shapes(x.row, shape)
    except ValueError:
        raise node.refusal(f"a constant of {shape} a row does not go with its input {x}") from None


def _scaled(node: Node, x: Tensor, gamma: np.ndarray | None, beta: np.ndarray | None, suffix: str) -> Tensor:
    own = {"gamma": gamma, "beta": beta}
    rows = {key: _held(x, row_of(node, array, x)) for key, array in own.items() if array is not None}
    axes = max(_last_axes(array) for array in rows.values())
    held, layer = x.value.held, Scale(center=beta is not None, scale=gamma is not None)
    tail = held[len(held) - axes :]
    weights = {
        key: np.broadcast_to(array.reshape(array.shape[len(held) - axes :]), tail).reshape(-1)
        for key, array in rows.items()
    }
    if axes == 2 == len(held) and list(rows) == ["beta"] and node.reading.sequences.inputs:
        table = PositionalEmbedding(held[0])
        return replace(x, value=node.add(table, x.value, weights={"P": rows["beta"]}, suffix=suffix))
    if axes == 1:
        return replace(x, value=node.add(layer, x.value, weights=weights, suffix=suffix))
    flat = node.add(Reshape((*held[: len(held) - axes], prod(tail))), _as_it_is(x.value), suffix="flat")
    scaled = node.add(layer, flat, weights=weights, suffix=suffix)
    back = node.add(Reshape(held), scaled, suffix="back")
    return replace(x, value=replace(back, shape=x.row, steps_first=x.value.steps_first))


def _as_it_is(value: Value) -> Value:
    """What is held, whatever the file's order is."""
    return Value(value.node, value.held, steps_first=True)


def _held(x: Tensor, array: np.ndarray) -> np.ndarray:
    """A constant's axes in the order of what is held."""
    if x.value.steps_first or array.ndim not in TO_HELD:
        return array
    return array.transpose([axis - 1 for axis in TO_HELD[array.ndim]])


def _last_axes(array: np.ndarray) -> int:
    """How many of the last axes a constant varies along; at least 1."""
    varying = [axis for axis, size in enumerate(array.shape) if size > 1]
    return array.ndim - min(varying, default=array.ndim - 1)
