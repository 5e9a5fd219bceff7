"""LSTM and RNN, which have steps first and rows second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import RECURRENT, reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.simple_rnn import SimpleRNN
from spark_deepnet.layers.tanh import Tanh

_LSTM, _RNN = RECURRENT
ZEROS = {"kind": "constant"}


def _gates(array: np.ndarray) -> np.ndarray:
    """Gates in the order i, f, o, g as i, f, g, o; then transposed."""
    i, f, o, g = np.split(array, 4)
    return np.concatenate((i, f, g, o)).T


def _lstm_weights(blobs: Sequence[np.ndarray]) -> Arrays:
    return {"W": _gates(blobs[0]), "b": _gates(blobs[1]), "U": _gates(blobs[2])}


def _sequence(step: Step) -> tuple[int, int]:
    """(features of a step, units)"""
    x = step.values[0]
    if not x.steps_first or len(x.shape) != 2:
        raise step.refusal(f"it takes (steps, rows, features), found {x.shape} a row")
    return x.shape[1], int(step.get("num_output"))


@reads(_LSTM, param="recurrent_param", gives="lstm")
def lstm(step: Step) -> Value:
    """Every row is one sequence from its first step on, whatever the second bottom (cont) says."""
    features, units = _sequence(step)
    start = step.filler("weight_filler")
    beta = step.filler("bias_filler")
    if step.reading.training and beta != ZEROS:
        raise step.refusal("bias_filler must be constant 0")
    layer = LSTM(units, sequences=True, initializer=start, recurrent_initializer=start, forget_bias=0.0)
    shapes = [(4 * units, features), (4 * units,), (4 * units, units)]
    return step.add_weighted(layer, shapes, ("W", "b", "U"), _lstm_weights)


@reads(_RNN, param="recurrent_param", gives="simple_rnn, dense, tanh")
def rnn(step: Step) -> Value:
    """tanh of a layer over the states; every row is one sequence, as for LSTM."""
    features, units = _sequence(step)
    start = step.filler("weight_filler")
    beta = step.filler("bias_filler")
    shapes = [(units, features), (units,), (units, units), (units, units), (units,)]
    above: list[str] = []

    def weights(blobs: Sequence[np.ndarray]) -> Arrays:
        own = {"W": blobs[0].T, "b": blobs[1], "U": blobs[2].T}
        return {**own, f"{above[0]}/W": blobs[3].T, f"{above[0]}/b": blobs[4]}

    if step.reading.training and beta != ZEROS:
        raise step.refusal("bias_filler must be constant 0")
    layer = SimpleRNN(units, sequences=True, initializer=start, recurrent_initializer=start)
    states = step.add_weighted(layer, shapes, ("W", "b", "U"), weights, suffix="states")
    top = Dense(units, initializer=start, bias_initializer=beta)
    output = step.add(step.with_factors(top, ("W", "b"), first=3), states, suffix="output")
    above.append(output.node)
    return step.add(Tanh(), output)
