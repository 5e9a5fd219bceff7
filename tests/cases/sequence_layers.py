"""The rows of the layers for sequences in tests/cases/layers.py: references written as plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.embedding import Embedding
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.global_max_pool1d import GlobalMaxPool1D
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.positional_embedding import PositionalEmbedding
from spark_deepnet.layers.simple_rnn import SimpleRNN
from tests.cases.layer_case import LayerCase

Weights = dict[str, np.ndarray]
Reference = Callable[[Weights, Any], np.ndarray]
State = tuple[np.ndarray, ...]
HALVES = (-0.5, 0.5, 1.5, 2.5, 3.5)


def rnn_step(f: Callable[[np.ndarray], np.ndarray]) -> Callable[[Weights, np.ndarray, State], State]:
    return lambda w, x, state: (f(x @ w["W"] + state[0] @ w["U"] + w["b"]),)


def lstm_step(w: Weights, x: np.ndarray, state: State) -> State:
    h, c = state
    p = w.get("p", np.zeros((3, len(h))))
    i, f, g, o = np.split(x @ w["W"] + h @ w["U"] + w["b"], 4)
    new = expit(f + p[1] * c) * c + expit(i + p[0] * c) * np.tanh(g)
    return expit(o + p[2] * new) * np.tanh(new), new


def gru_step(w: Weights, x: np.ndarray, state: State) -> State:
    xz, xr, xh = np.split(x @ w["W"] + w["b"][0], 3)
    hz, hr, hh = np.split(state[0] @ w["U"] + w["b"][1], 3)
    z, r = expit(xz + hz), expit(xr + hr)
    return (z * state[0] + (1 - z) * np.tanh(xh + r * hh),)


def recurrent(step: Any, sequences: bool = False, reverse: bool = False) -> Reference:
    def reference(w: Weights, x: np.ndarray) -> np.ndarray:
        units = len(w["U"])
        y = np.zeros((len(x), x.shape[1], units))
        h = np.zeros((len(x), units))
        for n, row in enumerate(x):
            state: State = (np.zeros(units), np.zeros(units))
            for t in range(len(row))[:: -1 if reverse else 1]:
                state = step(w, row[t], state)
                y[n, t] = state[0]
            h[n] = state[0]
        return y if sequences else h

    return reference


def both_ways(step: Any, merge: Callable[[np.ndarray, np.ndarray], np.ndarray], sequences: bool = False) -> Reference:
    def reference(w: Weights, x: np.ndarray) -> np.ndarray:
        found = []
        for way in ("forward", "backward"):
            part = {k.removeprefix(f"{way}_"): a for k, a in w.items() if k.startswith(way)}
            found.append(recurrent(step, sequences, way == "backward")(part, x))
        return merge(*found)

    return reference


def joined(f: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.concatenate((f, b), axis=-1)


def attended(heads: int, causal: bool = False) -> Reference:
    def reference(w: Weights, x: np.ndarray) -> np.ndarray:
        y = np.zeros_like(x)
        for n, row in enumerate(x):
            q, k, v = (np.split(row @ w[f"W{a}"] + w[f"b{a}"], heads, axis=1) for a in "qkv")
            found = []
            for h in range(heads):
                scores = q[h] @ k[h].T / np.sqrt(q[h].shape[1])
                if causal:
                    scores[np.triu_indices(len(row), 1)] = -np.inf
                found.append(softmax(scores, axis=1) @ v[h])
            y[n] = np.concatenate(found, axis=1) @ w["Wo"] + w["bo"]
        return y

    return reference


def looked_up(w: Weights, x: np.ndarray) -> np.ndarray:
    y = np.zeros((*x.shape, w["E"].shape[1]))
    for place in np.ndindex(x.shape):
        token = round(x[place])
        if 0 <= token < len(w["E"]):
            y[place] = w["E"][token]
    return y


def waved(w: Weights, x: np.ndarray) -> np.ndarray:
    y = x.copy()
    for t, j in np.ndindex(x.shape[1:]):
        angle = t / 10000 ** ((j - j % 2) / x.shape[2])
        y[:, t, j] += np.cos(angle) if j % 2 else np.sin(angle)
    return y


SEQUENCE_LAYERS = [
    LayerCase(
        Embedding(3, 2),
        (5,),
        looked_up,
        kinks=HALVES,
        bad=(
            (lambda: Embedding(0, 2), "vocabulary must be an int of at least 1, found 0"),
            (lambda: Embedding(2**31, 2), "vocabulary must be at most 2147483647, found 2147483648"),
            (lambda: Embedding(3, 0), "units must be an int of at least 1, found 0"),
        ),
    ),
    LayerCase(Embedding(4, 3, initializer="normal"), (), looked_up, kinks=HALVES),
    LayerCase(Embedding(5, 1), (2, 3), looked_up, kinks=HALVES),
    LayerCase(Embedding(4, 3, bias=True), (2,), lambda w, x: looked_up(w, x) + w["b"], kinks=HALVES),
    LayerCase(
        PositionalEmbedding(4),
        (4, 3),
        lambda w, x: x + w["P"],
        bad=(
            (lambda: PositionalEmbedding(0), "length must be an int of at least 1, found 0"),
            (lambda: PositionalEmbedding(3, sinusoid=1), "sinusoid must be True or False, found 1"),
            (lambda: PositionalEmbedding(3).shape((4, 2)), "knows length=3 positions, found 4 steps"),
            (lambda: PositionalEmbedding(3).shape((4,)), "takes rows of (steps, features), found (4,)"),
        ),
    ),
    LayerCase(PositionalEmbedding(7), (3, 2), lambda w, x: x + w["P"][:3]),
    LayerCase(PositionalEmbedding(9, sinusoid=True), (6, 5), waved),
    LayerCase(
        SimpleRNN(3),
        (4, 2),
        recurrent(rnn_step(np.tanh)),
        bad=(
            (lambda: SimpleRNN(0), "units must be an int of at least 1, found 0"),
            (lambda: SimpleRNN(3, truncate=-1), "truncate must be an int of at least 0, found -1"),
            (lambda: SimpleRNN(3, sequences=1), "sequences must be True or False, found 1"),
            (lambda: SimpleRNN(3, activation="sigmoid"), "activation must be 'tanh' or 'relu', found 'sigmoid'"),
            (lambda: SimpleRNN(3).shape((4,)), "takes rows of (steps, features), found (4,)"),
        ),
    ),
    LayerCase(SimpleRNN(2, sequences=True, reverse=True), (4, 2), recurrent(rnn_step(np.tanh), True, True)),
    LayerCase(SimpleRNN(3, activation="relu"), (3, 2), recurrent(rnn_step(lambda a: np.maximum(a, 0)))),
    LayerCase(SimpleRNN(2, sequences=True, truncate=10), (10, 1), recurrent(rnn_step(np.tanh), True)),
    LayerCase(SimpleRNN(4, reverse=True), (1, 4), recurrent(rnn_step(np.tanh), False, True)),
    LayerCase(
        LSTM(3),
        (4, 2),
        recurrent(lstm_step),
        bad=(
            (lambda: LSTM(2.0), "units must be an int of at least 1, found 2.0"),
            (lambda: LSTM(3, forget_bias=float("nan")), "forget_bias must be a finite number, found nan"),
            (lambda: LSTM(3, peepholes="yes"), "peepholes must be True or False, found 'yes'"),
            (lambda: LSTM(3).shape((4, 2, 2)), "takes rows of (steps, features), found (4, 2, 2)"),
        ),
    ),
    LayerCase(LSTM(2, sequences=True), (3, 2), recurrent(lstm_step, True)),
    LayerCase(LSTM(2, reverse=True, peepholes=True, forget_bias=0.0), (3, 3), recurrent(lstm_step, False, True)),
    LayerCase(LSTM(2, sequences=True, reverse=True, peepholes=True), (9, 1), recurrent(lstm_step, True, True)),
    LayerCase(LSTM(4), (1, 4), recurrent(lstm_step)),
    LayerCase(
        GRU(3),
        (4, 2),
        recurrent(gru_step),
        bad=((lambda: GRU(3, reverse=None), "reverse must be True or False, found None"),),
    ),
    LayerCase(GRU(2, sequences=True), (9, 2), recurrent(gru_step, True)),
    LayerCase(GRU(3, sequences=True, reverse=True), (3, 1), recurrent(gru_step, True, True)),
    LayerCase(GRU(2, reverse=True), (1, 2), recurrent(gru_step, False, True)),
    LayerCase(
        Bidirectional(LSTM(2)),
        (3, 2),
        both_ways(lstm_step, joined),
        bad=(
            (lambda: Bidirectional("relu"), "layer must be a recurrent layer without reverse, found Relu()"),
            (lambda: Bidirectional(GRU(2, reverse=True)), "without reverse, found GRU(2, reverse=True)"),
            (lambda: Bidirectional(GRU(2), "max"), "merge must be one of concat, sum, mul, ave, found 'max'"),
        ),
    ),
    LayerCase(Bidirectional(GRU(2, sequences=True), "sum"), (4, 2), both_ways(gru_step, lambda f, b: f + b, True)),
    LayerCase(Bidirectional(SimpleRNN(2), "mul"), (3, 2), both_ways(rnn_step(np.tanh), lambda f, b: f * b)),
    LayerCase(
        Bidirectional(LSTM(2, sequences=True, peepholes=True), "ave"),
        (3, 2),
        both_ways(lstm_step, lambda f, b: (f + b) / 2, True),
    ),
    LayerCase(Bidirectional(SimpleRNN(1, sequences=True)), (3, 2), both_ways(rnn_step(np.tanh), joined, True)),
    LayerCase(
        MultiHeadAttention(2),
        (3, 2),
        attended(2),
        bad=(
            (lambda: MultiHeadAttention(0), "heads must be an int of at least 1, found 0"),
            (lambda: MultiHeadAttention(2, key_dim=0), "key_dim must be an int of at least 1, found 0"),
            (lambda: MultiHeadAttention(2, causal=1), "causal must be True or False, found 1"),
            (lambda: MultiHeadAttention(3).shape((5, 4)), "heads=3 must divide its 4 features, or give key_dim"),
            (lambda: MultiHeadAttention(2).shape((4,)), "takes rows of (steps, features), found (4,)"),
        ),
    ),
    LayerCase(MultiHeadAttention(1, key_dim=2, causal=True), (3, 1), attended(1, True)),
    LayerCase(MultiHeadAttention(1), (1, 2), attended(1)),
    LayerCase(
        GlobalAveragePool1D(),
        (4, 3),
        lambda w, x: x.mean(axis=1),
        bad=((lambda: GlobalAveragePool1D().shape((4,)), "takes rows of (steps, features), found (4,)"),),
    ),
    LayerCase(GlobalAveragePool1D(), (3, 3), lambda w, x: x.mean(axis=1)),
    LayerCase(
        GlobalMaxPool1D(),
        (4, 3),
        lambda w, x: x.max(axis=1),
        bad=((lambda: GlobalMaxPool1D().shape((2, 2, 2)), "takes rows of (steps, features), found (2, 2, 2)"),),
    ),
    LayerCase(GlobalMaxPool1D(), (1, 1), lambda w, x: x.max(axis=1)),
]
