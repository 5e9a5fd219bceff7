"""Inputs of tokens: whole numbers in their buffers wherever the network reads nothing else, and apart in every pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers import Concatenate, Dense, Embedding, Flatten, Input, Reshape
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.tokens import MAX_IN_FLOATS, check_vocabularies, token_inputs
from spark_deepnet.net.weights import Layout

LARGE = MAX_IN_FLOATS + 4
ALONE = [Embedding(LARGE, 1), Flatten()]
TWO = [
    Embedding(9, 2, name="a", inputs=(INPUT,)),
    Embedding(LARGE, 2, name="b", inputs=(INPUT,)),
    Concatenate(inputs=("a", "b")),
    Flatten(),
]
BESIDE = [
    Embedding(9, 2, name="a", inputs=(INPUT,)),
    Flatten(name="flat"),
    Dense(2, name="b", inputs=(INPUT,)),
    Concatenate(inputs=("flat", "b")),
]
BEHIND = [Reshape((2, 1)), Embedding(9, 2), Flatten()]
SEVERAL = [Input(name="words"), Input(name="numbers"), Embedding(9, 2, inputs=("words",)), Flatten(name="flat"),
           Concatenate(inputs=("flat", "numbers"))]  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "inputs", "expected"),
    [
        (ALONE, {INPUT: (2,)}, {INPUT}),
        (TWO, {INPUT: (2,)}, {INPUT}),
        (BESIDE, {INPUT: (2,)}, set()),
        (BEHIND, {INPUT: (2,)}, set()),
        (SEVERAL, {"words": (2,), "numbers": (3,)}, {"words"}),
    ],
)
def test_an_input_is_of_tokens_where_nothing_else_reads_it(layers: Any, inputs: Any, expected: set[str]) -> None:
    net = Net.of(layers, inputs)
    assert token_inputs(net) == expected
    runner = Runner(net, Layout(net).zeros(), 3)
    found = {name for name, feed in runner.feed(2).items() if feed.dtype == np.int32}
    assert found == expected


def test_tokens_that_float32_takes_for_one_have_vectors_and_gradients_of_their_own() -> None:
    net = Net.of(ALONE, {INPUT: (1,)})
    weights = Layout(net).zeros()
    tokens = np.arange(MAX_IN_FLOATS, LARGE)
    weights[tokens] = [1, 2, 3, 4]
    runner = Runner(net, weights, 4)
    runner.feed(4)[INPUT][:, 0] = tokens
    assert runner.forward(4).tolist() == [[1], [2], [3], [4]]
    runner.gradient(4)[...] = [[5], [6], [7], [8]]
    runner.backward(4)
    assert runner.gradients[tokens].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("before", [[Reshape((2, 1))], [Dense(2)]], ids=["reshaped", "computed"])
def test_large_vocabularies_behind_another_layer_are_refused(before: Any) -> None:
    check_vocabularies(Net.of([*before, Embedding(MAX_IN_FLOATS, 1)], {INPUT: (2,)}))
    with pytest.raises(
        NetworkError, match=f"a vocabulary of {LARGE} after .* distinguishes tokens only up to {MAX_IN_FLOATS}"
    ):
        check_vocabularies(Net.of([*before, Embedding(LARGE, 1)], {INPUT: (2,)}))
