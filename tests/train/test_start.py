"""Fits that start from given weights: what ranks then hold, in blocks too, and a fit that goes on as if it had not ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.layers.dense import Dense
from spark_deepnet.net import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.schedules.inverse import Inverse
from spark_deepnet.train import rank
from spark_deepnet.train.inbox import STATE_COLUMNS, state_row
from spark_deepnet.train.start import arrays_of, start_chunks
from tests.train.fits import CLASSES, WIDTH, Fit, N, Rows, fit, plan_of, scattered

ROWS = Rows.drawn()
LAYERS = (Dense(6, "tanh", name="a"), Dense(CLASSES, name="b"))
RNG = np.random.default_rng(3)
GIVEN = {
    "a/W": RNG.normal(size=(WIDTH, 6)).astype("f"),
    "a/b": RNG.normal(size=6).astype("f"),
    "x/W": np.ones((2, 2), "f"),
}


def started(plan: TrainPlan, initial: InitialState, shares: tuple[int, ...]) -> Fit:
    """The fit's first job, whose rows have the chunks among them."""
    rows = [state_row(chunk) for chunk in start_chunks(plan.recipe, plan.blocks, initial)]
    frames = scattered(pd.DataFrame(rows, columns=list(STATE_COLUMNS)), len(shares))
    dealt = [[frame, *own] for frame, own in zip(frames, ROWS.dealt(*shares), strict=True)]
    return fit(replace(plan, state_chunks=len(rows), start_arrays=arrays_of(initial)), dealt)


def layout_of(plan: TrainPlan) -> Layout:
    return plan.recipe.scores_net().layout


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(
    ("shares", "blocks"), [((N,), 1), ((30, 30), 1), ((30, 30), 2), ((20, 10, 20, 10), 2)], ids=str
)
def test_a_fit_starts_from_what_is_given_and_from_random_numbers_elsewhere(
    shares: tuple[int, ...], blocks: int, validated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    plan = replace(plan_of(LAYERS, learning_rate=0.0, epochs=1, optimizer="adam", validated=validated), blocks=blocks)
    layout = layout_of(plan)
    found = layout.named(started(plan, InitialState(GIVEN), shares).weights)
    expected = layout.named(layout.init_weights(plan.recipe.seed)) | {name: GIVEN[name] for name in ("a/W", "a/b")}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adadelta"])
@pytest.mark.parametrize(("shares", "blocks"), [((N,), 1), ((25, 35), 1), ((30, 30), 2)], ids=str)
def test_with_vectors_and_steps_a_fit_goes_on_as_if_it_had_not_ended(
    optimizer: str, shares: tuple[int, ...], blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    told: dict[str, Any] = {
        "optimizer": optimizer,
        "learning_rate": 0.1,
        "schedule": Inverse(0.01, unit="rows").to_json(),
    }
    whole = plan_of(LAYERS, epochs=6, batch_size=N, **told)
    expected, first = fit(whole, ROWS.dealt(N)), states(plan_of(LAYERS, epochs=2, batch_size=N, **told))
    plan = replace(plan_of(LAYERS, epochs=4, batch_size=N, **told), blocks=blocks)
    found = started(plan, first, shares)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5, atol=1e-6)
    assert (found.clock["count"], found.clock["started"]) == (6, 2)
    assert not np.allclose(
        started(plan, replace(first, vectors=(), steps=0), shares).weights, expected.weights, rtol=1e-3
    )


def states(plan: TrainPlan) -> InitialState:
    """What a fit has come to, from its last state."""
    kept: list[InitialState] = []
    trained, layout = rank.trained, layout_of(plan)

    def watching(*args: Any) -> Any:
        state, stats = trained(*args)
        arrays = [layout.named(array.copy()) for array in (state.weights, *state.vectors)]
        kept.append(InitialState(arrays[0], tuple(arrays[1:]), state.clock.count))
        return state, stats

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rank, "trained", watching)
        fit(plan, ROWS.dealt(N))
    return kept[-1]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"c/W": np.ones(3, "f")}, "no weights of the network's names, which are a/W, b/W, a/b, b/b"),
        ({"A/W": np.ones((WIDTH, 6), "f")}, "for 'a/W', did you mean 'A/W'"),
        (GIVEN | {"b/W": np.ones((6, 2), "f")}, r"'b/W' \(6, 2\), expected \(6, 3\)"),
        (
            {"a/W": np.ones((6, WIDTH), "f"), "b/b": np.ones((1, 3), "f")},
            r"'a/W' \(6, 4\), expected \(4, 6\), 'b/b' \(1, 3\), expected \(3,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(given: Any, sentence: str) -> None:
    with pytest.raises(ParamError, match=sentence):
        InitialState(given).names(layout_of(plan_of(LAYERS)))


def test_vectors_of_another_optimizer_are_refused() -> None:
    initial = InitialState(GIVEN, (GIVEN,), 3)
    initial.check_vectors(("v",), "momentum")
    InitialState(GIVEN).check_vectors(("m", "v"), "adam")
    with pytest.raises(ParamError, match=r"it carries 1 vectors of an optimizer, but adam has 2 \(m, v\)"):
        initial.check_vectors(("m", "v"), "adam")


def test_the_digest_changes_with_all_that_is_taken_and_with_nothing_else() -> None:
    names = ("a/W", "a/b")
    digest = InitialState(GIVEN).digest(names)
    assert InitialState(GIVEN | {"x/W": np.zeros(3)}).digest(names) == digest
    others = [
        InitialState(GIVEN | {"a/W": GIVEN["a/W"] + 1}),
        InitialState({"a/W": GIVEN["a/W"]}),
        InitialState(GIVEN, (GIVEN,)),
        InitialState(GIVEN, (), 1),
    ]
    assert len({digest, *(other.digest(names) for other in others)}) == 5
