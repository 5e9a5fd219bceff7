"""Which parameters PyTorch has of a layer, in which shapes and order of axes and gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.formats.axes import TO_FOREIGN, TO_HELD
from spark_deepnet.formats.matching import Expected
from spark_deepnet.formats.torch.state import VALUE
from spark_deepnet.layers.layer import Arrays, Shape
from spark_deepnet.net.node import Node


@dataclass(frozen=True)
class Place:
    """A layer in its network, and the orders of its features where PyTorch's differ."""

    node: Node
    shapes: dict[str, Shape]
    """Of its own weights."""
    rows: np.ndarray | None
    """Of its input."""
    columns: np.ndarray | None
    """Of its output."""


Turn = Callable[[np.ndarray], np.ndarray]


def expected_arrays(node: Node, orders: dict[str, np.ndarray]) -> list[Expected]:
    """The usual parameters, and alternatives such as those without biases."""
    shapes = {name: weight.shape for name, weight in node.weights().items()}
    place = Place(node, shapes, orders.get(node.inputs[0]), orders.get(node.name))
    layouts = _LAYOUTS.get(node.layer.kind)
    return [] if layouts is None else list(layouts(place))


def _taken(array: np.ndarray, order: np.ndarray | None, axis: int = 0) -> np.ndarray:
    return array if order is None else np.take(array, order, axis)


def _linear(place: Place) -> Iterator[Expected]:
    """weight (outputs, inputs)"""
    inputs, units = place.shapes["W"]
    shapes = {"weight": (units, inputs)} | ({"bias": (units,)} if "b" in place.shapes else {})

    def convert(arrays: Arrays) -> Arrays:
        W = {"W": _taken(_taken(arrays["weight"].T, place.rows), place.columns, 1)}
        return W | ({"b": _taken(arrays["bias"], place.columns)} if "bias" in arrays else {})

    yield Expected(shapes, convert)


def _convolution(place: Place) -> Iterator[Expected]:
    """weight (outputs, inputs / groups, h, w); of transposed ones (inputs, outputs / groups, h, w)"""
    *cells, last, outer = place.shapes["W"]
    to_own = (*range(2, 2 + len(cells)), 1, 0)
    shapes = {"weight": (outer, last, *cells)} | ({"bias": place.shapes["b"]} if "b" in place.shapes else {})

    def convert(arrays: Arrays) -> Arrays:
        return {"W": arrays["weight"].transpose(to_own)} | ({"b": arrays["bias"]} if "bias" in arrays else {})

    yield Expected(shapes, convert)


def _channels(names: dict[str, str]) -> Callable[[Place], Iterator[Expected]]:
    """Arrays with a number for each channel, by their names here."""

    def layouts(place: Place) -> Iterator[Expected]:
        used = {own: foreign for own, foreign in names.items() if own in place.shapes}
        rank = len(next(iter(place.shapes.values())))
        shapes = {names[own]: _foreign_shape(place.shapes[own]) for own in used}
        turn: Turn = lambda array: _taken(array, place.columns) if rank == 1 else _held(array)  # noqa: E731
        yield Expected(shapes, lambda arrays: {own: turn(arrays[foreign]) for own, foreign in used.items()})
        if place.node.layer.kind == "layer_norm":
            zeros = {"beta": np.zeros(place.shapes["beta"], np.float32)}
            yield Expected({"weight": shapes["weight"]}, lambda arrays: zeros | {"gamma": turn(arrays["weight"])})

    return layouts


def _foreign_shape(shape: Shape) -> Shape:
    return tuple(shape[axis - 1] for axis in TO_FOREIGN[3]) if len(shape) == 3 else shape


def _held(array: np.ndarray) -> np.ndarray:
    return array.transpose([axis - 1 for axis in TO_HELD[3]]) if array.ndim == 3 else array


def _table(own: str, names: Sequence[str]) -> Callable[[Place], Iterator[Expected]]:
    """One array in this package's shape, perhaps with an axis of rows before."""

    def layouts(place: Place) -> Iterator[Expected]:
        if list(place.shapes) != [own]:
            return
        shape = place.shapes[own]
        for name in names:
            for each in (shape, (1, *shape)) if name == VALUE else (shape,):
                yield Expected({name: each}, lambda arrays: {own: next(iter(arrays.values())).reshape(shape)})

    return layouts


def _recurrent(place: Place) -> Iterator[Expected]:
    """weight_ih (gates, inputs), weight_hh (gates, units), and two biases"""
    layer: Any = place.node.layer
    ways = {"": ""} if layer.kind != "bidirectional" else {"forward_": "", "backward_": "_reverse"}
    cell = layer.kind if layer.kind != "bidirectional" else layer.ways["forward"].kind
    if "p" in place.shapes:
        return
    for biases in (True, False):
        shapes: dict[str, Shape] = {}
        for own, suffix in ways.items():
            W, U = place.shapes[f"{own}W"], place.shapes[f"{own}U"]
            shapes |= {f"weight_ih{suffix}": W[::-1], f"weight_hh{suffix}": U[::-1]}
            shapes |= {f"bias_{of}{suffix}": W[1:] for of in ("ih", "hh") if biases}

        def convert(arrays: Arrays) -> Arrays:
            weights: Arrays = {}
            for own, suffix in ways.items():
                one = {name: arrays.get(f"{name}{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
                weights |= {
                    f"{own}{key}": array for key, array in _direction(cell, one, place.shapes[f"{own}b"]).items()
                }
            return weights

        yield Expected(shapes, convert)


def _direction(cell: str, arrays: dict[str, Any], bias: Shape) -> Arrays:
    """W, U and b of one direction. Gates: PyTorch's i f g o are i f c o here, and r z n are z r h."""
    zero = np.zeros(len(arrays["weight_ih"]), np.float32)
    first, again = (zero if arrays[name] is None else arrays[name] for name in ("bias_ih", "bias_hh"))
    W, U = arrays["weight_ih"].T, arrays["weight_hh"].T
    if cell != "gru":
        return {"W": W, "U": U, "b": first + again}
    return {"W": _swapped(W), "U": _swapped(U), "b": np.stack((_swapped(first), _swapped(again))).reshape(bias)}


def _swapped(array: np.ndarray) -> np.ndarray:
    """The columns of the first two of three gates exchanged."""
    r, z, n = np.split(array, 3, axis=-1)
    return np.concatenate((z, r, n), axis=-1)


def _attention(place: Place) -> Iterator[Expected]:
    """in_proj_weight (3 d, d) has query, key and value one under another; out_proj.weight is (d, d)"""
    d, wide = place.shapes["Wq"]
    if wide != d:
        return
    weights: dict[str, Shape] = {"in_proj_weight": (3 * d, d), "out_proj.weight": (d, d)}
    both: dict[str, Shape] = {"in_proj_bias": (3 * d,), "out_proj.bias": (d,)}
    for biases in (both, {}):

        def convert(arrays: Arrays) -> Arrays:
            zeros = np.zeros(3 * d, np.float32)
            parts = np.split(arrays["in_proj_weight"], 3), np.split(arrays.get("in_proj_bias", zeros), 3)
            named = {f"W{name}": part.T for name, part in zip("qkv", parts[0], strict=True)}
            named |= {f"b{name}": part for name, part in zip("qkv", parts[1], strict=True)}
            return named | {"Wo": arrays["out_proj.weight"].T, "bo": arrays.get("out_proj.bias", zeros[:d])}

        yield Expected(weights | biases, convert)


_NORM = {"gamma": "weight", "beta": "bias"}
_LAYOUTS: dict[str, Callable[[Place], Iterator[Expected]]] = {
    "dense": _linear,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "conv2d_transpose": _convolution,
    "batch_norm": _channels(_NORM | {"moving_mean": "running_mean", "moving_variance": "running_var"}),
    "layer_norm": _channels(_NORM),
    "instance_norm": _channels(_NORM),
    "scale": _channels(_NORM),
    "prelu": _channels({"alpha": "weight"}),
    "embedding": _table("E", ["weight"]),
    "positional_embedding": _table("P", ["weight", VALUE]),
    "simple_rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "bidirectional": _recurrent,
    "multi_head_attention": _attention,
}
