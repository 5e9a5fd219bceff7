"""Frames to frames of predictions: rows in order, bad rows as handleInvalid says, networks built once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from spark_deepnet.errors import DataError
from spark_deepnet.layers.dense import Dense
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score import score as module
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import BATCH_ROWS, ScorePlan, score
from tests.data.frames import NULL, arrays, dense, sources, sparse, vectors

NAN = float("nan")
X = np.where(np.random.default_rng(0).random((700, 3)) < 0.4, 0, np.random.default_rng(1).normal(size=(700, 3)))
X = X.astype(np.float32)


def plan_of(
    vectors: bool = False, invalid: str = "error", loss: str = "softmax_cross_entropy", **more: Any
) -> ScorePlan:
    units = more.pop("units", 2)
    net = Architecture((Dense(units).to_json(),), (InputSpec((3,)),), Loss.of(loss).to_json())
    weights = Layout(net.scores_net()).init_weights(more.pop("seed", 1))
    told: dict[str, Any] = {"thresholds": None, "digest": weights.tobytes().hex() + loss, "weights": weights.tobytes()}
    return ScorePlan(net, (Output.of(net.heads()[0].loss, units),), sources(3, "f", vectors), invalid, **told | more)


def by_numpy(plan: ScorePlan, x: np.ndarray = X) -> np.ndarray:
    layout = Layout(plan.architecture.scores_net())
    w = layout.named(np.frombuffer(plan.weights, np.float32))
    return x @ w["dense/W"] + w["dense/b"]


@pytest.fixture(autouse=True)
def _no_networks_kept() -> Iterator[None]:
    module._runners.clear()
    yield
    module._runners.clear()


FRAMES = {
    "arrays": (False, lambda x: arrays(list(x))),
    "dense vectors": (True, lambda x: vectors([dense(row) for row in x])),
    "sparse vectors": (True, lambda x: vectors([sparse(row) for row in x])),
    "mixed vectors": (True, lambda x: vectors([(dense, sparse)[i % 2](row) for i, row in enumerate(x)])),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_row_gets_its_prediction_in_order(kind: str) -> None:
    as_vectors, frame_of = FRAMES[kind]
    plan = plan_of(as_vectors)
    cuts = [BATCH_ROWS + 1, BATCH_ROWS + 2, BATCH_ROWS + 2]
    frames = list(score(plan, (frame_of(part) for part in np.split(X, cuts))))
    assert [len(frame) for frame in frames] == [BATCH_ROWS + 1, 1, 0, 700 - BATCH_ROWS - 2]
    found = pd.concat(frames)
    assert found.valid.all()
    np.testing.assert_allclose(np.stack(found.raw), by_numpy(plan), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.stack(found.probability), softmax(by_numpy(plan), 1), rtol=1e-5)
    np.testing.assert_array_equal(found.prediction, by_numpy(plan).argmax(1))


def test_sparse_rows_are_scored_without_being_spread_out() -> None:
    """Frames with dense rows among them as well, by the same network."""
    width, rng = 300, np.random.default_rng(2)
    x = np.where(rng.random((BATCH_ROWS + 9, width)) < 0.02, rng.normal(size=(BATCH_ROWS + 9, width)), 0).astype(
        np.float32
    )
    net = Architecture((Dense(2).to_json(),), (InputSpec((width,)),), Loss.of("softmax_cross_entropy").to_json())
    weights = Layout(net.scores_net()).init_weights(1)
    output = Output.of(net.heads()[0].loss, 2)
    plan = ScorePlan(net, (output,), sources(width, "f", True), "error", None, "wide", weights.tobytes())
    thin = vectors([sparse(row) for row in x])
    (empty, found) = score(plan, [thin[:0], thin])
    assert len(empty) == 0
    assert module._runners["wide"].buffers.values.keys() == {"dense"}
    np.testing.assert_allclose(np.stack(found.raw), by_numpy(plan, x), rtol=1e-5, atol=1e-5)
    (mixed,) = score(plan, [vectors([dense(row) for row in x[:50]] + [sparse(row) for row in x[50:60]])])
    np.testing.assert_allclose(np.stack(mixed.raw), by_numpy(plan, x[:60]), rtol=1e-5, atol=1e-5)
    assert module._runners["wide"].buffers.values.keys() == {"dense", "features"}


@pytest.mark.parametrize("kind", FRAMES)
def test_an_empty_frame_gives_an_empty_frame_with_all_columns(kind: str) -> None:
    as_vectors, frame_of = FRAMES[kind]
    (found,) = score(plan_of(as_vectors), [frame_of(X[:0])])
    assert (list(found), len(found)) == (["valid", "raw", "probability", "prediction"], 0)


def test_no_frames_give_none() -> None:
    assert list(score(plan_of(), [])) == []


BAD = {
    "null array": (False, lambda: arrays([X[0], None, X[1]])),
    "NaN in an array": (False, lambda: arrays([X[0], [NAN, 1, 2], X[1]])),
    "infinity in an array": (False, lambda: arrays([X[0], [0, 1, np.inf], X[1]])),
    "null among dense vectors": (True, lambda: vectors([dense(X[0]), NULL, dense(X[1])])),
    "NaN in a dense vector": (True, lambda: vectors([dense(X[0]), dense([1, NAN, 0]), dense(X[1])])),
    "null among sparse vectors": (True, lambda: vectors([sparse(X[0]), NULL, sparse(X[1])])),
    "NaN in a sparse vector": (True, lambda: vectors([sparse(X[0]), sparse([0, NAN, 0]), dense(X[1])])),
}


@pytest.mark.parametrize("invalid", ["skip", "keep"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "sigmoid_cross_entropy", "squared"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_rows_are_marked_and_the_others_scored(bad: str, loss: str, invalid: str) -> None:
    as_vectors, frame = BAD[bad]
    (found,) = score(plan_of(as_vectors, invalid, loss), [frame()])
    (good,) = score(plan_of(False, invalid, loss), [arrays([X[0], X[1]])])
    assert found.valid.tolist() == [True, False, True]
    for name in found.columns[1:]:
        assert np.isnan(np.asarray(found[name][1])).all()
        np.testing.assert_allclose(np.stack(found[name][[0, 2]]), np.stack(good[name]), rtol=1e-6)


@pytest.mark.parametrize("bad", BAD)
def test_bad_rows_end_the_scoring_where_they_are_errors(bad: str) -> None:
    as_vectors, frame = BAD[bad]
    with pytest.raises(DataError) as caught:
        list(score(plan_of(as_vectors), [frame()]))
    told = str(caught.value)
    assert told.startswith("transform: column 'f': ")
    assert told.endswith('(1 found); use handleInvalid="skip" or "keep" to continue without them')


@pytest.mark.parametrize("invalid", ["error", "skip", "keep"])
@pytest.mark.parametrize("as_vectors", [False, True])
def test_rows_of_another_length_are_always_an_error(as_vectors: bool, invalid: str) -> None:
    frame = vectors([NULL, dense([1, 2])]) if as_vectors else arrays([None, [1, 2]])
    with pytest.raises(DataError) as caught:
        list(score(plan_of(as_vectors, invalid), [frame]))
    assert "rows of length 2, but the first layer takes 3" in str(caught.value)
    assert "handleInvalid" not in str(caught.value), "which would not help"


def test_a_bad_frame_does_not_taint_the_next() -> None:
    _, second = score(plan_of(invalid="keep"), [arrays([None]), arrays([X[0]])])
    assert second.valid.tolist() == [True]


def test_thresholds_reach_the_prediction() -> None:
    plan = plan_of(thresholds=(1.0, 0.0))
    (found,) = score(plan, [arrays(list(X[:5]))])
    assert found.prediction.tolist() == [1.0] * 5


def test_a_network_is_built_once_and_at_most_three_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    runner = module.Runner

    def counted(*args: Any, **named: Any) -> Any:
        built.append(args)
        return runner(*args, **named)

    monkeypatch.setattr(module, "Runner", counted)
    plans = [plan_of(seed=seed) for seed in range(5)]

    def scored(number: int) -> None:
        plan = replace(plans[number], invalid="keep")
        (found,) = score(plan, [arrays(list(X[:4]))])
        np.testing.assert_allclose(np.stack(found.raw), by_numpy(plan, X[:4]), rtol=1e-5, atol=1e-6)

    for number, count in [(0, 1), (0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (0, 4), (2, 4), (1, 5), (3, 6)]:
        scored(number)
        assert len(built) == count
        assert len(module._runners) <= 3
