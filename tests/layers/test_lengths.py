"""Rows padded with zeros give what each gives alone: values, gradients of x, and the sum of the weights' gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.lengths import zero_beyond
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.global_average_pool2d import GlobalAveragePool2D
from spark_deepnet.layers.global_max_pool2d import GlobalMaxPool2D
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.layer import Arrays, Call, Layer
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.simple_rnn import SimpleRNN
from tests.cases.layer_case import LayerCase
from tests.cases.layers import LAYERS
from tests.cases.sequence_layers import SEQUENCE_LAYERS

CASES: list[tuple[Layer, tuple[int, ...]]] = [
    *((case.layer, case.x_shape) for case in SEQUENCE_LAYERS if case.x_shape),
    (SimpleRNN(3, sequences=True, activation="relu", truncate=2), (7, 2)),
    (SimpleRNN(3, reverse=True, truncate=3), (19, 2)),
    (LSTM(3, truncate=4, peepholes=True), (19, 2)),
    (LSTM(3, sequences=True, reverse=True, truncate=3), (17, 2)),
    (GRU(3, sequences=True, truncate=1), (5, 2)),
    (GRU(3, reverse=True), (17, 2)),
    (Bidirectional(GRU(2, truncate=2), "mul"), (9, 3)),
    (MultiHeadAttention(2, key_dim=3, causal=True), (9, 4)),
]
ROWS = 6


def passes(
    layer: Layer, w: Arrays, x: np.ndarray, dy: np.ndarray, lengths: Any
) -> tuple[np.ndarray, np.ndarray, Arrays]:
    """y, dx and the gradients, as a network has them: what lies beyond the lengths is set to zero afterwards."""
    n, shape = len(x), x.shape[1:]
    saved = {k: aligned((n, *s), t or x.dtype) for k, (s, t) in layer.saves(shape).items()}
    for a in saved.values():
        a[...] = np.nan if a.dtype == x.dtype else -9
    y, dx = np.full((n, *layer.shape(shape)), np.nan), np.full_like(x, np.nan)
    gradients = {k: np.full_like(a, np.nan) for k, a in w.items()}
    call = Call(training=True, lengths=lengths, saved=saved)
    layer.forward(w, x, y, call)
    ends = None if lengths is None else layer.lengths(shape, lengths)
    if ends is not None:
        zero_beyond(ends, y.reshape(*y.shape[:2], -1))
        zero_beyond(ends, dy.reshape(*dy.shape[:2], -1))
    layer.backward(w, x, y, dy, dx, gradients, call)
    if lengths is not None:
        zero_beyond(lengths, dx.reshape(*dx.shape[:2], -1))
    return y, dx, gradients


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda v: str(v))
def test_a_padded_row_is_the_row_alone(layer: Layer, shape: tuple[int, ...]) -> None:
    rng, steps = np.random.default_rng(5), shape[0]
    lengths = np.array([steps, 1, (steps + 1) // 2, steps, max(steps - 1, 1), 1], np.int32)
    w = {k: rng.normal(size=a.shape) for k, a in layer.weights(shape).items()}
    x, dy = rng.uniform(-3, 3, (ROWS, *shape)), rng.normal(size=(ROWS, *layer.shape(shape)))
    zero_beyond(lengths, x.reshape(ROWS, steps, -1))
    y, dx, gradients = passes(layer, w, x, dy, lengths)
    total = {k: np.zeros_like(a) for k, a in w.items()}
    ends = layer.lengths(shape, lengths)
    for n, length in enumerate(lengths):
        own = slice(length) if ends is not None else slice(None)
        y1, dx1, gradients1 = passes(layer, w, x[n : n + 1, :length], dy[n : n + 1, own], None)
        close(y[n, own], y1[0])
        close(dx[n, :length], dx1[0])
        for k in total:
            total[k] += gradients1[k]
    for k, gradient in gradients.items():
        close(gradient, total[k])


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda v: str(v))
def test_a_row_of_no_steps_changes_nothing(layer: Layer, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    w = {k: rng.normal(size=a.shape) for k, a in layer.weights(shape).items()}
    x, dy = rng.uniform(-3, 3, (2, *shape)), rng.normal(size=(2, *layer.shape(shape)))
    x[1] = 0
    both = passes(layer, w, x, dy, np.array([shape[0], 0], np.int32))
    alone = passes(layer, w, x[:1], dy[:1], None)
    close(both[0][0], alone[0][0])
    close(both[1][0], alone[1][0])
    assert np.isfinite(both[0]).all()
    assert np.isfinite(both[1]).all()
    for k, gradient in both[2].items():
        close(gradient, alone[2][k])


def lengthened(case: LayerCase, steps: int) -> Any:
    """The case's shape with another first size."""
    shapes = case.x_shape if case.layer.multi_input else (case.x_shape,)
    found = tuple((steps, *shape[1:]) for shape in shapes)
    return found if case.layer.multi_input else found[0]


def kept(case: LayerCase, steps: int) -> bool | None:
    """Whether rows of so many steps still have lengths behind the layer; None where it does not take them."""
    try:
        return case.layer.lengths(lengthened(case, steps), np.ones(1, np.int32)) is not None
    except NetworkError:
        return None


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.id)
def test_whether_lengths_stay_does_not_depend_on_how_many_steps_there_are(case: LayerCase) -> None:
    """Such as on there being as many steps as channels, where a pooling gives a number a channel."""
    found = {kept(case, steps) for steps in range(1, 30)} - {None}
    assert len(found) == 1


def test_pooling_over_images_leaves_no_steps() -> None:
    for layer in GlobalAveragePool2D(), GlobalMaxPool2D():
        assert layer.lengths((4, 3, 4), np.array([2, 3], np.int32)) is None
    assert Dense(4).lengths((4,), np.array([2, 3], np.int32)) is None
