"""Fits of sequences, with targets for every step, and of networks that read several columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import ARRAY, BYTES, STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.layers.add import Add
from spark_deepnet.layers.concatenate import Concatenate
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.input import Input
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.loss_head import each_step
from tests.data.frames import dense, lists, vectors
from tests.train.fits import Fit, fit, plan_of, run_ranks

N, LONGEST, WIDTH, CLASSES = 48, 5, 3, 3
LAYERS = (Dense(5, activation="tanh"), Dense(CLASSES))
DEALS = [(N,), (24, 24), (40, 8), (16, 16, 16), (0, 30, 18)]
each_deal = pytest.mark.parametrize("deal", DEALS, ids=str)


@dataclass
class Sequences:
    """Rows of 0 to 5 steps, each with a class that its numbers tell, mostly."""

    longest: int = LONGEST
    fixed: bool = False

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        self.lengths = np.full(N, self.longest) if self.fixed else rng.integers(0, self.longest + 1, N)
        self.x = [rng.normal(size=(n, WIDTH)).astype(np.float32) for n in self.lengths]
        told = rng.normal(size=(WIDTH, CLASSES))
        self.y = [(x @ told + rng.gumbel(size=(len(x), CLASSES)) / 2).argmax(1) for x in self.x]
        self.weights = rng.integers(0, 4, N).astype(np.float32)
        self.validation = np.arange(N) % 4 == 3

    def whole(self, targets: list[Any]) -> pd.DataFrame:
        """A row a sequence."""
        flat = lists([x.reshape(-1) for x in self.x])
        labels = lists([np.reshape(y, -1) for y in targets])
        return pd.DataFrame(
            {"features x": flat, "label": labels, "weight": self.weights, "validation": self.validation}
        )

    def by_step(self, targets: Any) -> pd.DataFrame:
        """A row a step: what the same network without steps is fitted to."""
        columns = {
            name: np.repeat(getattr(self, f), self.lengths) for name, f in (("weight", "weights"), ("validation",) * 2)
        }
        return pd.DataFrame({"features x": lists(list(np.concatenate(self.x))), "label": targets} | columns)


def dealt(frame: pd.DataFrame, *shares: int) -> list[list[pd.DataFrame]]:
    """So many rows to each rank, in two frames."""
    order = np.random.default_rng(len(shares)).permutation(len(frame))
    parts = np.split(order, np.cumsum(shares)[:-1])
    return [[frame.iloc[part[: len(part) // 3]], frame.iloc[part[len(part) // 3 :]]] for part in parts]


def plan_of_steps(kind: str = STEPS, longest: int = LONGEST, columns: Any = None, **recipe: Any) -> TrainPlan:
    shape = (longest, WIDTH)
    told = {"sources": (Source(shape, name="f", kind=kind),), "steps": True} | (columns or {})
    entries = (InputSpec(shape, steps=kind == STEPS),)
    return plan_of(**{"layers": LAYERS, "epochs": 12} | recipe, columns=told, entries=entries)


def plan_by_step(columns: Any = None, **recipe: Any) -> TrainPlan:
    told = {"sources": (Source((WIDTH,), name="f"),)} | (columns or {})
    return plan_of(**{"layers": LAYERS, "epochs": 12} | recipe, columns=told, entries=(InputSpec((WIDTH,)),))


def close(found: Fit, expected: Fit) -> None:
    np.testing.assert_allclose(found.weights, expected.weights, rtol=2e-5, atol=1e-5)
    for a, b in zip(found.history, expected.history, strict=True):
        for key in a.keys() - {"seconds", "rowsPerSecond"}:
            assert a[key] == pytest.approx(b[key], rel=2e-5), key


ROWS, FIXED = Sequences(), Sequences(fixed=True)
RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "row weights": {"weighted": True},
    "validation": {"weighted": True, "validated": True},
    "momentum": {"optimizer": "momentum", "learning_rate": 0.1, "l2": 0.01},
}


@pytest.mark.parametrize("recipe", RECIPES)
@each_deal
def test_targets_for_every_step_train_like_steps_as_rows(recipe: str, deal: tuple[int, ...]) -> None:
    steps = fit(plan_of_steps(**RECIPES[recipe]), dealt(ROWS.whole(ROWS.y), *deal))
    flat = ROWS.by_step(np.concatenate(ROWS.y).astype(float))
    close(steps, fit(plan_by_step(**RECIPES[recipe]), dealt(flat, len(flat))))
    assert steps.losses()[-1] < 0.9 * steps.losses()[0]


@each_deal
def test_steps_of_fixed_number_train_like_steps_as_rows(deal: tuple[int, ...]) -> None:
    found = fit(plan_of_steps(ARRAY), dealt(FIXED.whole(FIXED.y), *deal))
    flat = FIXED.by_step(np.concatenate(FIXED.y).astype(float))
    close(found, fit(plan_by_step(), dealt(flat, len(flat))))


@pytest.mark.parametrize(("loss", "indicators"), [("squared", False), ("sigmoid_cross_entropy", True)])
def test_several_targets_for_every_step(loss: str, indicators: bool) -> None:
    told = [np.eye(CLASSES, dtype=np.float32)[y] for y in ROWS.y]
    columns = {"labels": CLASSES, "classes": 0, "indicators": indicators}
    recipe: dict[str, Any] = {"loss": loss, "columns": columns, "learning_rate": 0.2, "validated": True}
    flat = ROWS.by_step(lists(list(np.concatenate(told))))
    expected = fit(plan_by_step(**recipe), dealt(flat, len(flat)))
    for deal in ((N,), (16, 32)):
        close(fit(plan_of_steps(**recipe), dealt(ROWS.whole(told), *deal)), expected)


def test_a_fit_does_not_depend_on_how_long_the_longest_row_may_be() -> None:
    rows = dealt(ROWS.whole(ROWS.y), 20, 28)
    close(fit(plan_of_steps(longest=40), rows), fit(plan_of_steps(), rows))


def test_the_same_fit_in_small_batches_twice_is_the_same_bit_for_bit() -> None:
    layers = (Dense(6, activation="tanh"), {"kind": "dropout", "rate": 0.3}, Dense(CLASSES))
    plan = plan_of_steps(layers=layers, batch_size=7, epochs=2, optimizer="adam", learning_rate=0.02)
    rows = dealt(ROWS.whole(ROWS.y), 30, 18)
    first = fit(plan, rows)
    again = fit(plan, [[frame.iloc[::-1] for frame in reversed(frames)] for frames in rows])
    np.testing.assert_array_equal(first.weights, again.weights)


def test_sequences_with_one_target_a_row_are_padded_with_zeros() -> None:
    """Flattened, a shorter sequence is a longer one with zeros behind, but for the bias that sees no step there."""
    layers = (Dense(4, activation="tanh", bias=False), Flatten(), Dense(CLASSES))
    labels = np.array([y[0] if len(y) else 0.0 for y in ROWS.y], float)
    padded = [np.pad(x, ((0, LONGEST - len(x)), (0, 0))).reshape(-1) for x in ROWS.x]
    frame = ROWS.whole(ROWS.y).assign(label=labels)
    found = fit(plan_of_steps(layers=layers, columns={"steps": False}), dealt(frame, 30, 18))
    whole = plan_of_steps(ARRAY, layers=layers, columns={"steps": False})
    close(found, fit(whole, dealt(frame.assign(**{"features x": lists(padded)}), N)))


def test_another_number_of_targets_than_of_steps_ends_the_fit_on_every_rank() -> None:
    y = [np.append(one, 0) if i in (3, 20) else one for i, one in enumerate(ROWS.y)]
    told = {json.loads(f.data.item())["error"] for f in run_ranks(plan_of_steps(), dealt(ROWS.whole(y), 24, 24))}
    assert told == {DataError.__name__}
    with pytest.raises(DataError, match="column 'y': rows with "):
        fit(plan_of_steps(), dealt(ROWS.whole(y), N))


TARGETS = Ragged(np.array([3, 1, 2, 5, 4, 6], np.int32), np.array([0, 2, 2, 3, 6]))


def test_each_step_has_the_weight_of_its_row_and_padding_has_none() -> None:
    weights = np.array([0.5, 2, 4], np.float32)
    found, each = each_step(TARGETS, np.array([3, 1, 0]), weights, 4)
    assert found.dtype == np.int32
    assert each.dtype == np.float32
    assert found.tolist() == [5, 4, 6, 0, 0, 0, 0, 0, 3, 1, 0, 0]
    assert each.tolist() == [0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 4, 4, 0, 0]


def test_each_step_of_several_targets_keeps_them_together() -> None:
    numbers = Ragged(np.arange(12, dtype=np.float32).reshape(6, 2), TARGETS.starts)
    found, each = each_step(numbers, np.array([2, 0]), np.ones(2, np.float32), 2)
    assert found.tolist() == [[4, 5], [0, 0], [0, 1], [2, 3]]
    assert each.tolist() == [1, 0, 1, 1]
    none, weightless = each_step(numbers, np.zeros(0, np.int64), np.zeros(0, np.float32), 3)
    assert (none.shape, weightless.shape) == ((0, 2), (0,))


A, B = np.random.default_rng(4).normal(size=(N, 2)), np.random.default_rng(5).integers(0, 4, (N, 3))
LABELS = np.random.default_rng(6).integers(0, CLASSES, N).astype(float)
JOINED = (
    Input((2,), "one", name="a"),
    Input((3,), "two", name="b"),
    Concatenate(inputs=("a", "b")),
    Dense(4, activation="tanh"),
    Dense(CLASSES),
)
SECOND = {
    ARRAY: lambda: {"b x": lists(list(B))},
    BYTES: lambda: {"b x": [row.astype(np.uint8).tobytes() for row in B]},
    VECTOR: lambda: {n.replace("features", "b"): v for n, v in vectors([dense(row) for row in B]).items()},
}


def plan_of_two(kind: str, layers: tuple[Any, ...] = JOINED, **recipe: Any) -> TrainPlan:
    entries = (InputSpec((2,), "a", ("one",)), InputSpec((3,), "b", ("two",)))
    sources = (Source((2,), "a", "one"), Source((3,), "b", "two", kind))
    return plan_of(layers=layers, columns={"sources": sources}, entries=entries, **recipe)


@pytest.mark.parametrize("kind", SECOND)
@pytest.mark.parametrize("deal", [(N,), (20, 0, 28)], ids=str)
def test_two_inputs_joined_train_like_one_of_both(kind: str, deal: tuple[int, ...]) -> None:
    frame = pd.DataFrame({"a x": lists(list(A)), "label": LABELS} | SECOND[kind]())
    one = pd.DataFrame({"features x": lists(list(np.concatenate([A, B], 1))), "label": LABELS})
    columns = {"sources": (Source((5,)),)}
    alone = plan_of(layers=(Dense(4, activation="tanh"), Dense(CLASSES)), columns=columns, entries=(InputSpec((5,)),))
    close(fit(plan_of_two(kind), dealt(frame, *deal)), fit(alone, dealt(one, N)))


def test_a_layer_after_an_input_reads_it() -> None:
    layers = (
        Input((2,), name="a"),
        Dense(CLASSES, name="left"),
        Input((3,), name="b"),
        Dense(CLASSES, name="right", bias=False),
        Add(inputs=("left", "right")),
    )
    frame = pd.DataFrame({"a x": lists(list(A)), "label": LABELS} | SECOND[ARRAY]())
    plan = plan_of_two(ARRAY, layers, epochs=1, learning_rate=0.0)
    found = fit(plan, dealt(frame, 30, 18))
    w = Layout(plan.recipe.scores_net()).named(found.weights)
    scores = A.astype(np.float32) @ w["left/W"] + w["left/b"] + B.astype(np.float32) @ w["right/W"]
    loss = np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(N), LABELS.astype(int)])
    assert found.losses() == [pytest.approx(loss, rel=1e-5)]


def test_a_sequence_and_a_vector_are_read_side_by_side() -> None:
    """The vector's scores are added to those of the flattened sequence."""
    layers = (
        Input((-1, WIDTH), name="words"),
        Flatten(),
        Dense(CLASSES, name="left", initializer="constant"),
        Input((2,), name="a"),
        Dense(CLASSES, name="right", bias=False, initializer="constant"),
        Add(inputs=("left", "right")),
    )
    entries = (InputSpec((LONGEST, WIDTH), "words", steps=True), InputSpec((2,), "a"))
    sources = (Source((LONGEST, WIDTH), "words", "w", STEPS), Source((2,), "a"))
    frame = ROWS.whole(ROWS.y).rename(columns={"features x": "words x"}).assign(label=LABELS, **{"a x": lists(list(A))})
    padded = [np.append(np.pad(x, ((0, LONGEST - len(x)), (0, 0))), a) for x, a in zip(ROWS.x, A, strict=True)]
    one = pd.DataFrame({"features x": lists(padded), "label": LABELS})
    width = LONGEST * WIDTH + 2
    joined = (Dense(CLASSES, initializer="constant"),)
    alone = plan_of(layers=joined, columns={"sources": (Source((width,)),)}, entries=(InputSpec((width,)),))
    plan = plan_of(layers=layers, columns={"sources": sources}, entries=entries)
    for deal in ((N,), (25, 23)):
        found = Layout(plan.recipe.scores_net()).named(fit(plan, dealt(frame, *deal)).weights)
        expected = Layout(alone.recipe.scores_net()).named(fit(alone, dealt(one, N)).weights)
        both = np.concatenate([found["left/W"], found["right/W"]])
        np.testing.assert_allclose(both, expected["dense/W"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found["left/b"], expected["dense/b"], rtol=1e-5, atol=1e-6)
