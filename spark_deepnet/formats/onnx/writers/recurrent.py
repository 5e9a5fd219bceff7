"""Recurrent layers. The operators have steps first; gates are reordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spark_deepnet.formats.onnx.writers._registry import writes
from spark_deepnet.formats.onnx.writers._step import Step
from spark_deepnet.layers.layer import Layer

INT32 = 6
"""The element type, as TensorProto numbers it."""
OPERATORS = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
GATES = {"simple_rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (0, 1, 2)}
"""Of the operator's gates, which of ours each is: i o f c of i f c o."""


@writes("simple_rnn", "lstm", "gru", to="RNN, LSTM or GRU")
def recurrent(step: Step) -> str:
    """sequence_lens are the lengths; GRU with linear_before_reset 1"""
    way = "reverse" if step.layer.reverse else "forward"
    return _directions(step, _run(step, step.layer, [step.w], way), step.layer)[0]


@writes("bidirectional", to="RNN, LSTM or GRU, Concat, Add or Mul")
def bidirectional(step: Step) -> str:
    """One operator with two directions"""
    layer = Layer.of(step.layer.layer)
    weights = [
        {name.removeprefix(f"{way}_"): array for name, array in step.w.items() if name.startswith(f"{way}_")}
        for way in ("forward", "backward")
    ]
    f, b = _directions(step, _run(step, layer, weights, "bidirectional"), layer)
    if step.layer.merge == "concat":
        return str(step.op("Concat", f, b, axis=-1))
    if step.layer.merge == "mul":
        return str(step.op("Mul", f, b))
    both = step.op("Add", f, b)
    return str(step.op("Mul", both, step.constant(np.float32(0.5)))) if step.layer.merge == "ave" else str(both)


def _run(step: Step, layer: Any, weights: Sequence[Mapping[str, np.ndarray]], direction: str) -> str:
    """The operator's states: (steps, directions, N, units), or those of the last step, (directions, N, units)."""
    x = step.op("Transpose", step.held(), perm=[1, 0, 2])
    inputs = [x, *(step.constant(np.stack([_gates(layer, w[name].T, 0) for w in weights]), name) for name in "WU")]
    inputs += [step.constant(np.stack([_bias(layer, w["b"]) for w in weights]), "b"), _lengths(step)]
    if getattr(layer, "peepholes", False):
        inputs += ["", "", step.constant(np.stack([w["p"][[0, 2, 1]].reshape(-1) for w in weights]), "p")]
    options: dict[str, Any] = {"hidden_size": layer.units, "direction": direction}
    if layer.kind == "gru":
        options["linear_before_reset"] = 1
    if layer.kind == "simple_rnn":
        options["activations"] = [layer.activation.capitalize()] * len(weights)
    y, last = step.op(OPERATORS[layer.kind], *inputs, outputs=2, **options)
    return str(y if layer.sequences else last)


def _lengths(step: Step) -> str:
    """The operators want a step in every row: those of none are set to 0 behind them."""
    if step.lengths is None:
        return ""
    one = step.graph.once("Max", step.lengths, step.constant(np.int64(1)))
    return step.graph.once("Cast", one, to=INT32)


def _gates(layer: Any, array: np.ndarray, axis: int) -> np.ndarray:
    parts = np.split(array, layer.gates, axis=axis)
    return np.concatenate([parts[gate] for gate in GATES[layer.kind]], axis=axis)


def _bias(layer: Any, b: np.ndarray) -> np.ndarray:
    """Of the input and of the state, side by side; only GRU has the second."""
    own, again = b if b.ndim == 2 else (b, np.zeros_like(b))
    return np.concatenate((_gates(layer, own, 0), _gates(layer, again, 0)))


def _directions(step: Step, states: str, layer: Any) -> list[str]:
    """Each direction's output in rows: (N, steps, units), or (N, units)."""
    count = 2 if step.layer.kind == "bidirectional" else 1
    if layer.sequences:
        states, axis = step.op("Transpose", states, perm=[2, 0, 1, 3]), 2  # (N, steps, directions, units)
    else:
        states, axis = states if step.padded is None else step.padded.zero_if_empty(states, 2), 0
    parts = [states] if count == 1 else step.op("Split", states, outputs=2, axis=axis)
    return [step.op("Squeeze", part, step.integers(axis)) for part in parts]
