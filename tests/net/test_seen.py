"""Networks fed with sparse rows against the same fed with dense ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.input import Input
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.net.seen import outside, sparse_readers
from spark_deepnet.net.weights import Layout
from tests.kernels.test_sparse import LENGTHS, WIDTH, matrix, table

ROWS = table(LENGTHS)
DENSE = matrix(*ROWS)
N = len(DENSE)
DEEP = Net.of([Dense(4, "tanh"), Dense(3)], {INPUT: (WIDTH,)})
TWO = Net.of(
    [Dense(4, "tanh", name="a"), Dense(3, name="b", inputs=(INPUT,)), Concatenate(inputs=("a", "b")), Dense(2)],
    {INPUT: (WIDTH,)},
)


def passed(net: Net, sparse: bool, dtype: Any = np.float64, runner: Runner | None = None) -> tuple[Runner, np.ndarray]:
    """The runner after a pass there and back, and its scores."""
    rng = np.random.default_rng(5)
    runner = runner or Runner(net, Layout(net).init_weights(1, dtype), N)
    batch = runner.batch(N, sparse=[INPUT] if sparse else [])
    if sparse:
        batch.feed[INPUT].fill(*ROWS, np.arange(N))
    else:
        batch.feed[INPUT][...] = DENSE
    scores = batch.forward(True, np.uint64(1), np.arange(N, dtype=np.uint64), {}).copy()
    assert batch.gradient is not None
    batch.gradient[...] = rng.normal(size=scores.shape)
    batch.backward()
    return runner, scores


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("net", [DEEP, TWO], ids=["one reader", "two readers"])
def test_scores_and_gradients_are_those_of_dense_rows(net: Net, dtype: Any, tolerance: float) -> None:
    (sparse, found), (dense, wanted) = (passed(net, kind, dtype) for kind in (True, False))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    seen = set(ROWS[1].tolist())
    for gradients in sparse.seen:
        assert gradients.apart
        assert set(gradients.index.tolist()) == seen
        assert not gradients.array.any()
        gradients.spread()
        assert not gradients.apart
    assert [gradients.apart for gradients in dense.seen] == [False] * len(sparse.seen)
    np.testing.assert_allclose(sparse.gradients, dense.gradients, rtol=tolerance, atol=tolerance)
    assert (INPUT in sparse.buffers.values, INPUT in dense.buffers.values) == (False, True)


def test_batches_of_both_kinds_may_follow_one_another() -> None:
    wanted = passed(DEEP, False)[0].gradients.copy()
    runner: Runner | None = None
    for sparse in (False, True, True, False, False, True):
        runner, _ = passed(DEEP, sparse, runner=runner)
        (seen,) = runner.seen
        seen.spread()
        np.testing.assert_allclose(runner.gradients, wanted, rtol=1e-12, atol=1e-12)
        seen.spread()  # once more changes nothing
        np.testing.assert_allclose(runner.gradients, wanted, rtol=1e-12, atol=1e-12)


def test_what_was_spread_before_is_gone() -> None:
    runner, _ = passed(DEEP, True)
    (seen,) = runner.seen
    seen.spread()
    seen.take(np.array([2, 0], np.int32))[...] = 7
    seen.spread()
    assert np.flatnonzero(seen.array.any(1)).tolist() == [0, 2]
    seen.whole()[...] = 1
    seen.take(np.array([1], np.int32))[...] = 3
    seen.spread()
    assert seen.array.sum() == 3 * 4


@pytest.mark.parametrize(
    ("layers", "inputs", "found"),
    [
        ([Dense(3)], {INPUT: (9,)}, [INPUT]),
        ([Dense(3)], {INPUT: (4, 9)}, []),
        ([Dropout(0.5), Dense(3)], {INPUT: (9,)}, []),
        ([Dense(3, name="a"), Concatenate(inputs=("a", INPUT))], {INPUT: (9,)}, []),
        ([Dense(3, name="a"), Dense(3, share="a", inputs=(INPUT,)), Concatenate(inputs=("a", "dense"))],
         {INPUT: (9,)}, []),
        ([Input((9,), name="text"), Dense(3, name="a"), Input((4,), name="rest"),
          Concatenate(inputs=("a", "rest")), Dense(2)], {"text": (9,), "rest": (4,)}, ["text"]),
    ],
    ids=["dense", "of steps", "a layer before", "read by another too", "shared weights", "one input of two"],
)  # fmt: skip
def test_inputs_that_may_be_sparse_are_read_by_layers_that_take_it_alone(
    layers: Any, inputs: Any, found: list[str]
) -> None:
    net = Net.of(layers, inputs)
    assert list(sparse_readers(net)) == found
    assert sorted(Runner(net, Layout(net).zeros(), 1).sparse) == found


class Doubled(Dense):
    """y = 2 (x W + b), by one who knows of matrices only; it joins no family."""

    def forward(self, w: Any, x: Any, y: np.ndarray, call: Any) -> None:
        super().forward(w, x, y, call)
        y *= 2


def test_a_layer_made_from_one_that_takes_sparse_rows_gets_none_unasked() -> None:
    assert sparse_readers(Net.of([Doubled(3)], {INPUT: (9,)})) == {}


def test_what_lies_beside_holes() -> None:
    assert outside(slice(0, 9), []) == [slice(0, 9)]
    assert outside(slice(0, 9), [slice(0, 3), slice(5, 9)]) == [slice(3, 5)]
    assert outside(slice(4, 9), [slice(0, 3), slice(5, 7), slice(12, 14)]) == [slice(4, 5), slice(7, 9)]
    assert outside(slice(0, 9), [slice(0, 9)]) == []
