"""LSTM, GRU, RNN: from the first step on, with an initial state of zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.onnx.node import Node
from spark_deepnet.formats.onnx.registry import reads
from spark_deepnet.formats.onnx.values import Const, Table, Tensor
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.simple_rnn import SimpleRNN

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Sizes:
    directions: int
    units: int
    inputs: int
    gates: int


def _sizes(node: Node, gates: int) -> _Sizes:
    x, direction, layout = node.tensor(), node.attr("direction"), int(node.attr("layout", 0))
    rows = 0 if layout else 1
    if direction not in DIRECTIONS:
        raise node.refusal(f"direction {direction!r} is unknown; forward, reverse and bidirectional are read")
    if len(x.row) != 2 or x.rows != rows:
        expected = "(N, T, K)" if layout else "(T, N, K)"
        raise node.refusal(
            f"its input is {x}, with rows (N) first in the model's inputs; expected {expected}: give the model's inputs "
            f"the rows first and turn them by a Transpose"
        )
    units = node.attr("hidden_size")
    R = node.numbers(2, "R")
    units = int(units) if units is not None else (R.shape[-1] if R.ndim == 3 else 0)
    return _Sizes(DIRECTIONS[direction], units, x.row[1], gates)


def _array(node: Node, k: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = node.numbers(k, name)
    if array.shape != shape:
        raise node.refusal(f"its {name} has the shape {array.shape}; expected {shape}")
    return array


def _check_rest(node: Node, x: Tensor, activations: Sequence[str], directions: int) -> None:
    """Refuse what changes a step: lengths, states, activations, clip."""
    for k, name in ((5, "initial_h"), (6, "initial_c")):
        if node.has(k) and not _is_zero(node.inputs[k]):
            raise node.refusal(f"its {name} is computed or not zero; expected zeros, which constants= can bind")
    if node.has(4):
        lengths = node.inputs[4]
        if isinstance(lengths, Table):
            node.reading.sequences.expect(x.value.node, node.spec.name, lengths.array.reshape(-1))
        elif not isinstance(lengths, Const) or not np.all(lengths.array == x.row[0]):
            raise node.refusal(f"its sequence_lens must be absent, or {x.row[0]} for every row")
    given = [each.lower() for each in node.attr("activations") or []]
    expected = [each.lower() for each in activations] * directions
    if given and given != expected:
        raise node.refusal(f"its activations {given} are not supported; expected {expected}")


def _is_zero(x: Any) -> bool:
    return isinstance(x, Const) and not x.array.any()


def _units(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Gates in another order."""
    return np.concatenate([np.split(array, len(order))[k] for k in order])


def _weights(node: Node, sizes: _Sizes, order: Sequence[int]) -> list[Weights]:
    """W, U and the two biases of each direction, with gates in our order."""
    d, wide = sizes.directions, sizes.gates * sizes.units
    W, R = _array(node, 1, "W", (d, wide, sizes.inputs)), _array(node, 2, "R", (d, wide, sizes.units))
    B = _array(node, 3, "B", (d, 2 * wide)) if node.has(3) else np.zeros((d, 2 * wide), np.float32)
    ways = []
    for k in range(d):
        b = np.stack([_units(part, order) for part in np.split(B[k], 2)])
        ways.append({"W": _units(W[k], order).T, "U": _units(R[k], order).T, "b": b})
    return ways


@reads("LSTM", to=22, gives="lstm, bidirectional")
def lstm(node: Node) -> list[Tensor]:
    """With peepholes too; the state of the cells is not given"""
    sizes = _sizes(node, 4)
    _check_rest(node, node.tensor(), ("Sigmoid", "Tanh", "Tanh"), sizes.directions)
    weights = _weights(node, sizes, (0, 2, 3, 1))
    peepholes = node.has(7)
    for k, own in enumerate(weights):
        own["b"] = own["b"].sum(0)
        if peepholes:
            p = _array(node, 7, "P", (sizes.directions, 3 * sizes.units))
            own["p"] = _units(p[k], (0, 2, 1)).reshape(3, -1)
    return _run(node, LSTM(sizes.units, sequences=True, peepholes=peepholes), weights, sizes)


@reads("GRU", to=22, gives="gru, bidirectional")
def gru(node: Node) -> list[Tensor]:
    """With linear_before_reset = 1 alone, as PyTorch and Keras have it"""
    if not node.attr("linear_before_reset", 0):
        raise node.refusal(
            "linear_before_reset = 0, the reset gate before the product, is not supported; PyTorch's and Keras's GRU has 1"
        )
    sizes = _sizes(node, 3)
    _check_rest(node, node.tensor(), ("Sigmoid", "Tanh"), sizes.directions)
    return _run(node, GRU(sizes.units, sequences=True), _weights(node, sizes, (0, 1, 2)), sizes)


@reads("RNN", to=22, gives="simple_rnn, bidirectional")
def rnn(node: Node) -> list[Tensor]:
    """With Tanh or Relu"""
    sizes = _sizes(node, 1)
    names = {each.lower() for each in node.attr("activations") or ["tanh"]}
    activation = "relu" if names == {"relu"} else "tanh"
    _check_rest(node, node.tensor(), (activation,), sizes.directions)
    weights = _weights(node, sizes, (0,))
    for own in weights:
        own["b"] = own["b"].sum(0)
    return _run(node, SimpleRNN(sizes.units, sequences=True, activation=activation), weights, sizes)


def _run(node: Node, layer: Any, weights: list[Weights], sizes: _Sizes) -> list[Tensor]:
    """The outputs Y, of every step, and Y_h, of the last."""
    layout, d, u = int(node.attr("layout", 0)), sizes.directions, sizes.units
    x = node.in_file_order(node.tensor())
    named = weights[0]
    if d == 2:
        ways = zip(("forward", "backward"), weights, strict=True)
        named = {f"{way}_{key}": array for way, own in ways for key, array in own.items()}
    reverse = node.attr("direction") == "reverse"
    outputs: list[Tensor] = []
    first = None
    for k, sequences in enumerate((True, False)):
        own = _both(replace(layer, sequences=sequences, reverse=reverse), d)
        if k not in node.used:
            outputs.append(Tensor(x))  # which no node reads
            continue
        share: dict[str, Any] = {"share": first.node} if first else {}
        value = node.add(replace(own, **share), x, weights=None if first else named, suffix="last" if k else "")
        first = first or value
        row = (x.shape[0], d, u) if sequences else (d, u)
        whole = Value(node.add(Reshape(row), value, suffix=f"directions{k}").node, row, steps_first=True)
        outputs.append(Tensor(whole, 0 if layout else 2 - k))
    return outputs


def _both(layer: Any, directions: int) -> Layer:
    return Bidirectional(replace(layer, reverse=False)) if directions == 2 else layer
