"""Sequences scored: a list of steps a row, rows longer than in training, bad rows, and several inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from spark_deepnet.data.schema import ARRAY, BYTES, STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.positional_embedding import PositionalEmbedding
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score import score as module
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import BATCH_ROWS, ScorePlan, score
from tests.data.frames import arrays, dense, lists, vectors

NAN, INF = float("nan"), float("inf")
LONGEST, WIDTH = 4, 3
RNG = np.random.default_rng(8)


def drawn(*lengths: int) -> list[np.ndarray]:
    return [RNG.normal(size=(n, WIDTH)).astype(np.float32) for n in lengths]


PAIR = (Dense(2),)
STEPPED = Source((LONGEST, WIDTH), name="f", kind=STEPS)


def plan_of(
    layers: Any = PAIR,
    sources: tuple[Source, ...] = (STEPPED,),
    loss: str = "softmax_cross_entropy",
    invalid: str = "error",
) -> ScorePlan:
    entries = tuple(InputSpec(s.shape, s.input, steps=s.kind == STEPS) for s in sources)
    made = Architecture(tuple(Layer.of(layer).to_json() for layer in layers), entries, Loss.of(loss).to_json())
    net = made.scores_net()
    weights = Layout(net).init_weights(3)
    weights += np.float32(0.1)
    digest = repr((layers, sources, loss))
    outputs = tuple(Output.of(head.loss, head.units, head.steps) for head in made.heads())
    return ScorePlan(made, outputs, sources, invalid, None, digest, weights.tobytes())


def by_numpy(plan: ScorePlan, steps: np.ndarray) -> np.ndarray:
    w = Layout(plan.architecture.scores_net()).named(np.frombuffer(plan.weights, np.float32))
    return steps @ w["dense/W"] + w["dense/b"]


def scored(plan: ScorePlan, *frames: pd.DataFrame) -> list[pd.DataFrame]:
    return list(score(plan, frames))


def frame_of(rows: list[Any]) -> pd.DataFrame:
    return arrays([None if row is None else np.reshape(row, -1) for row in rows])


@pytest.fixture(autouse=True)
def _no_networks_kept() -> Iterator[None]:
    module._runners.clear()
    yield
    module._runners.clear()


def test_every_step_gets_its_prediction_in_a_list() -> None:
    plan, rows = plan_of(), drawn(*([2, 0, 4, 1] * (BATCH_ROWS // 2)))
    cuts = [BATCH_ROWS + 1, BATCH_ROWS + 1]
    frames = scored(plan, *(frame_of(rows[a:b]) for a, b in zip([0, *cuts], [*cuts, None], strict=True)))
    assert [len(frame) for frame in frames] == [BATCH_ROWS + 1, 0, BATCH_ROWS - 1]
    found = pd.concat(frames)
    assert found.valid.all()
    for row, raw, probability, prediction in zip(rows, found.raw, found.probability, found.prediction, strict=True):
        expected = by_numpy(plan, row)
        assert len(raw) == len(probability) == len(prediction) == len(row)
        np.testing.assert_allclose(np.reshape(raw, (-1, 2)), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(np.reshape(probability, (-1, 2)), softmax(expected, 1), rtol=1e-5)
        np.testing.assert_array_equal(prediction, expected.argmax(1))


KINDS = [
    ("squared", 1, {"prediction": 1}),
    ("squared", 2, {"prediction": 2}),
    ("sigmoid_cross_entropy", 1, {"raw": 2, "probability": 2, "prediction": 1}),
    ("sigmoid_cross_entropy", 3, {"raw": 2, "probability": 2, "prediction": 2}),
    ("hinge", 3, {"raw": 2, "prediction": 1}),
]


@pytest.mark.parametrize(("loss", "units", "axes"), KINDS)
def test_lists_of_steps_for_every_task(loss: str, units: int, axes: dict[str, int]) -> None:
    (found,) = scored(plan_of((Dense(units),), loss=loss), frame_of(drawn(3, 1)))
    assert list(found) == ["valid", *axes]
    for name, count in axes.items():
        assert [len(cell) for cell in found[name]] == [3, 1]
        assert {np.ndim(step) for cell in found[name] for step in cell} == {count - 1}


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("kind", [STEPS, ARRAY])
def test_an_empty_frame_gives_an_empty_frame_with_all_columns(loss: str, kind: str) -> None:
    plan = plan_of(PAIR, (Source((LONGEST, WIDTH), name="f", kind=kind),), loss)
    (found,) = scored(plan, frame_of([]))
    expected = ["valid", "prediction"] if loss == "squared" else ["valid", "raw", "probability", "prediction"]
    assert (list(found), len(found)) == (expected, 0)


def test_rows_without_steps_get_empty_lists() -> None:
    (found,) = scored(plan_of(), frame_of(drawn(0, 0)))
    assert [len(cell) for name in ("raw", "probability", "prediction") for cell in found[name]] == [0] * 6
    assert found.valid.all()


def test_steps_of_fixed_number_get_lists_too() -> None:
    plan, rows = plan_of(sources=(Source((LONGEST, WIDTH), name="f", kind=ARRAY),)), drawn(4, 4, 4)
    (found,) = scored(plan, frame_of(rows))
    for row, raw in zip(rows, found.raw, strict=True):
        np.testing.assert_allclose(np.stack(raw), by_numpy(plan, row), rtol=1e-5, atol=1e-6)


def test_rows_may_be_longer_than_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    runner = module.Runner

    def counted(*args: Any, **named: Any) -> Any:
        built.append(args[0].inputs)
        return runner(*args, **named)

    monkeypatch.setattr(module, "Runner", counted)
    plan = plan_of((Dense(4, activation="tanh"), Dense(2, name="top")))
    longer = plan_of((Dense(4, activation="tanh"), Dense(2, name="top")), (Source((40, WIDTH), name="f", kind=STEPS),))
    rows = drawn(2, 37, 5, 9)
    frames = scored(plan, *(frame_of([row]) for row in rows), frame_of(rows))
    (expected,) = scored(longer, frame_of(rows))
    for a, b in zip([*(f.raw[0] for f in frames[:4]), *frames[4].raw], [*expected.raw, *expected.raw], strict=True):
        np.testing.assert_allclose(np.stack(a), np.stack(b), rtol=1e-5, atol=1e-6)
    assert [shapes["features"][0] for shapes in built] == [LONGEST, 64, 40]


@pytest.mark.parametrize(
    ("layers", "lengths", "steps"),
    [((PositionalEmbedding(7), *PAIR), (2, 6), [2, 6]), ((Reshape((-1, 3 * WIDTH)), *PAIR), (1, 7), [1, 3])],
    ids=["no more positions than 7", "steps in threes"],
)
def test_buffers_are_as_long_as_the_layers_take(layers: Any, lengths: Any, steps: list[int]) -> None:
    """Rows of more steps than in training, where the next power of two would be too many, or too few."""
    source = Source((3, WIDTH), name="f", kind=STEPS)
    (found,) = scored(plan_of(layers, (source,)), frame_of(drawn(*lengths)))
    assert [len(cell) for cell in found.prediction] == steps


@pytest.mark.parametrize("layers", [(PositionalEmbedding(5), *PAIR), (Reshape((4, 3)), *PAIR)], ids=str)
def test_layers_that_know_no_more_steps_refuse_longer_rows(layers: Any) -> None:
    with pytest.raises(DataError, match=r"rows of \{'features': 6\} steps, but this network is for at most"):
        scored(plan_of(layers), frame_of(drawn(1, 6)))


def test_weights_that_depend_on_the_longest_row_refuse_longer_ones() -> None:
    plan = plan_of((Flatten(), Dense(2)))
    with pytest.raises(DataError, match=r"rows of \{'features': 6\} steps, but this network is for at most"):
        scored(plan, frame_of(drawn(6)))
    padded = np.concatenate([row := drawn(2)[0], np.zeros((2, WIDTH), np.float32)])
    (found,) = scored(plan, frame_of([row]))
    np.testing.assert_allclose(found.raw[0], by_numpy(plan, padded.reshape(-1)), rtol=1e-5)


WORDS = Source((LONGEST,), name="f", kind=STEPS, tokens=5)
TOKENS = Source((3,), name="f", tokens=5)
PIXELS = Source((3,), name="f", kind=BYTES)
GOOD_STEPS = drawn(2, 3)
BAD: dict[str, tuple[Any, Source, pd.DataFrame]] = {
    "null steps": (PAIR, STEPPED, frame_of([GOOD_STEPS[0], None, GOOD_STEPS[1]])),
    "NaN in a step": (
        PAIR,
        STEPPED,
        frame_of([GOOD_STEPS[0], [0, 1, 2, NAN, 4, 5], GOOD_STEPS[1]]),
    ),
    "unknown tokens": (PAIR, TOKENS, arrays([[1, 2, 3], [1, 7, 3], [4, 0, 1]])),
    "fractional tokens": (PAIR, TOKENS, arrays([[1, 2, 3], [1, 2.5, 3], [4, 0, 1]])),
    "unknown tokens in vectors": (
        PAIR,
        Source((3,), name="f", kind=VECTOR, tokens=5),
        vectors([dense([1, 2, 3]), dense([1, 7, 3]), dense([4, 0, 1])]),
    ),
    "null bytes": (PAIR, PIXELS, pd.DataFrame({"features x": [b"abc", None, b"xyz"]})),
}


@pytest.mark.parametrize("invalid", ["skip", "keep"])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_rows_are_marked_and_the_others_scored(bad: str, loss: str, invalid: str) -> None:
    layers, source, frame = BAD[bad]
    plan = plan_of(layers, (source,), loss, invalid)
    (found,) = scored(plan, frame)
    (good,) = scored(plan, frame.iloc[[0, 2]])
    assert found.valid.tolist() == [True, False, True]
    for name in found.columns[1:]:
        assert np.isnan(np.asarray(found[name][1], float)).all()
        for a, b in zip(found[name][[0, 2]], good[name], strict=True):
            np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-6)


@pytest.mark.parametrize("bad", BAD)
def test_bad_rows_end_the_scoring_where_they_are_errors(bad: str) -> None:
    layers, source, frame = BAD[bad]
    with pytest.raises(DataError) as caught:
        scored(plan_of(layers, (source,)), frame)
    told = str(caught.value)
    assert told.startswith("transform: column 'f': ")
    assert told.endswith('(1 found); use handleInvalid="skip" or "keep" to continue without them')


MISFITS = [
    (
        STEPPED,
        arrays([[1, 2, 3, 4]]),
        "rows of 4 numbers, which do not divide into steps of 3",
    ),
    (PIXELS, pd.DataFrame({"features x": [b"ab"]}), "rows of length 2, but the first layer takes 3"),
]


@pytest.mark.parametrize("invalid", ["error", "skip", "keep"])
@pytest.mark.parametrize(("source", "frame", "what"), MISFITS)
def test_rows_that_do_not_fit_are_always_an_error(source: Source, frame: pd.DataFrame, what: str, invalid: str) -> None:
    with pytest.raises(DataError) as caught:
        scored(plan_of(sources=(source,), invalid=invalid), frame)
    assert what in str(caught.value)
    assert "handleInvalid" not in str(caught.value), "which would not help"


def test_tokens_that_are_invalid_never_reach_the_network() -> None:
    plan = plan_of((Flatten(), Dense(2)), (WORDS,), invalid="keep")
    seen: list[np.ndarray] = []
    filled = module.fill_batch

    def watched(*args: Any) -> Any:
        batch, lengths = filled(*args)
        seen.append(batch.feed["features"].copy())
        return batch, lengths

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "fill_batch", watched)
        (found,) = scored(plan, arrays([[1, 2], None, [9, 3, NAN], [4, INF]]))
    assert found.valid.tolist() == [True, False, False, False]
    assert np.concatenate(seen).max() < 5
    assert np.concatenate(seen).min() >= 0


def test_two_inputs_are_scored_side_by_side() -> None:
    sources = (Source((2,), "a", "p"), Source((3,), "b", "q", BYTES))
    layers = (Input(name="a"), Input(name="b"), Concatenate(inputs=("a", "b")), Dense(2))
    plan = plan_of(layers, sources, invalid="keep")
    a, b = RNG.normal(size=(6, 2)).astype(np.float32), RNG.integers(0, 256, (6, 3)).astype(np.uint8)
    frame = pd.DataFrame({"a x": lists(list(a)), "b x": [row.tobytes() for row in b]})
    (found,) = scored(plan, frame)
    np.testing.assert_allclose(np.stack(found.raw), by_numpy(plan, np.concatenate([a, b], 1)), rtol=1e-4, atol=1e-5)
    frame.at[1, "a x"] = None
    frame.at[4, "b x"] = None
    (marked,) = scored(plan, frame)
    assert marked.valid.tolist() == [True, False, True, True, False, True]
    for i in (0, 2, 3, 5):
        np.testing.assert_allclose(marked.raw[i], found.raw[i], rtol=1e-6)


def test_sparse_rows_without_entries_beside_bad_rows_of_another_input() -> None:
    sources = (Source((2,), "a", "p", VECTOR), Source((3, 1), "b", "q", STEPS))
    layers = (Input(name="a"), Dense(2), Input(name="b"), Flatten(), Concatenate(inputs=("dense", "flatten")))
    empty = vectors([(0, 2, np.zeros(0, np.int32), np.zeros(0))] * 3)
    frame = pd.DataFrame({n.replace("features", "a"): v for n, v in empty.items()} | {"b x": lists([[], None, [1.0]])})
    (found,) = scored(plan_of(layers, sources, invalid="keep"), frame)
    assert found.valid.tolist() == [True, False, True]
    assert [len(raw) for raw in found.raw] == [5, 5, 5], "flattened to the longest row of training"
