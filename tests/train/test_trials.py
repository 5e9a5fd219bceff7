"""Several fits in one job: each as if alone, bit for bit, whether one rank makes it or all ranks do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.errors import TrainingError
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.train import trials
from spark_deepnet.train.imitated import PairLoop
from spark_deepnet.train.messages import Error, WeightsChunk
from spark_deepnet.train.rank import RankContext
from spark_deepnet.train.trials import TRIAL, Trials
from tests.data.frames import sources
from tests.train.fits import CLASSES, WIDTH, Rows, fit, messages_of, plan_of, run_ranks

ROWS = Rows.drawn()
SHARES = {1: (60,), 2: (25, 35), 3: (20, 15, 25), 4: (10, 0, 30, 20)}
NORMALIZED = ({"kind": "dense", "units": 5}, {"kind": "batch_norm"}, {"kind": "dense", "units": CLASSES})
DROPPED = ({"kind": "dense", "units": 9}, {"kind": "dropout", "rate": 0.5}, {"kind": "dense", "units": CLASSES})
PLANS: dict[str, dict[str, Any]] = {
    "plain": {"batch_size": 16},
    "adam, clipped": {"batch_size": 9, "optimizer": "adam", "clip_norm": 0.3, "l2": 0.01},
    "row weights": {"weighted": True, "batch_size": 16, "optimizer": "momentum"},
    "validated, metrics": {"validated": True, "metrics": ("accuracy", "f1"), "batch_size": 16, "patience": 2},
    "batch norm": {"layers": NORMALIZED, "batch_size": 16},
    "dropout": {"layers": DROPPED, "batch_size": 16},
    "local steps": {"sync_every": 2, "batch_size": 8, "optimizer": "adam", "sync_state": "keep"},
    "outer steps": {"sync_every": 2, "batch_size": 8, "sync_momentum": 0.5},
    "max steps": {"max_steps": 7, "batch_size": 16, "epochs": 9},
}
RATES = (0.5, 0.1, 0.02, 0.3)


def recipes_of(plan: TrainPlan, rates: Sequence[float] = RATES) -> tuple[Recipe, ...]:
    return tuple(replace(plan.recipe, learning_rate=rate, seed=k) for k, rate in enumerate(rates))


def in_one_job(plan: TrainPlan, recipes: tuple[Recipe, ...], dealt: list[list[pd.DataFrame]]) -> pd.DataFrame:
    """The messages of all ranks."""

    def run(own: TrainPlan, frames: Iterator[pd.DataFrame], context: RankContext) -> Iterator[pd.DataFrame]:
        return trials.run(Trials(own, recipes), frames, context)

    return pd.concat(run_ranks(plan, dealt, run=run), ignore_index=True)


def arrays(rows: pd.DataFrame) -> dict[str, bytes]:
    """The weights among some messages."""
    return {m.chunk.name: m.chunk.data for m in messages_of(rows) if isinstance(m, WeightsChunk)}


def alone(plan: TrainPlan, recipe: Recipe, dealt: list[list[pd.DataFrame]]) -> dict[str, bytes]:
    return arrays(pd.concat(run_ranks(replace(plan, recipe=recipe, job_seconds=1e9), dealt)))


def check_as_alone(plan: TrainPlan, recipes: tuple[Recipe, ...], dealt: list[list[pd.DataFrame]]) -> None:
    rows = in_one_job(plan, recipes, dealt)
    made = [arrays(rows[rows[TRIAL] == k]) for k in range(len(recipes))]
    assert made == [alone(plan, recipe, dealt) for recipe in recipes]
    assert all(made)
    assert made[0] != made[1]


@pytest.mark.parametrize("shares", [(25, 35), (3, 57), (60, 0)])
@pytest.mark.parametrize("name", PLANS)
def test_ranks_that_make_trials_by_themselves_give_the_bits_of_fits_alone(name: str, shares: tuple[int, int]) -> None:
    """Of some ranks a step has no row."""
    plan = plan_of(**PLANS[name])
    check_as_alone(plan, recipes_of(plan), ROWS.dealt(*shares))


@pytest.mark.parametrize("shares", [(25, 35), (1, 59)])
def test_rows_of_gradients_that_stand_apart_are_summed(shares: tuple[int, int]) -> None:
    """Of tokens, most of which a step does not have."""
    x = np.abs(ROWS.x * 9).round() % 40
    layers = (
        {"kind": "embedding", "vocabulary": 40, "units": 3},
        {"kind": "flatten"},
        {"kind": "dense", "units": CLASSES},
    )
    source = replace(sources(WIDTH, "f")[0], tokens=40)
    entries = (InputSpec((WIDTH,), tokens=40),)
    plan = plan_of(layers, columns={"sources": (source,)}, entries=entries, batch_size=4, optimizer="adagrad")
    check_as_alone(plan, recipes_of(plan), replace(ROWS, x=x.astype(np.float32)).dealt(*shares))


@pytest.mark.parametrize("name", PLANS)
def test_two_ranks_are_one_thread_where_they_exchange_gradients_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[Any] = []
    monkeypatch.setattr(trials, "PairLoop", lambda *given: loops.append(given) or PairLoop(*given))
    plan = plan_of(**PLANS[name])
    in_one_job(plan, recipes_of(plan), ROWS.dealt(25, 35))
    assert bool(loops) == (name not in ("validated, metrics", "batch norm", "local steps", "outer steps"))


@pytest.mark.parametrize("size", SHARES)
def test_so_do_trials_that_do_not_divide_among_the_ranks(size: int) -> None:
    """The last trial of five is made by all ranks together."""
    plan = plan_of(batch_size=16)
    assert Trials(plan, recipes_of(plan, [*RATES, 0.7])).alone(size) == 5 // size * size
    check_as_alone(plan, recipes_of(plan, [*RATES, 0.7]), ROWS.dealt(*SHARES[size]))


@pytest.mark.parametrize("limit", ["MAX_ALONE_ROWS_BYTES", "MAX_ALONE_WEIGHTS_BYTES"])
def test_many_rows_or_weights_are_trained_by_all_ranks(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, limit, 8)
    monkeypatch.setattr(trials._Job, "alone", None)
    plan = plan_of(batch_size=16)
    check_as_alone(plan, recipes_of(plan), ROWS.dealt(*SHARES[2]))


def test_spilled_rows_are_trained_by_all_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials._Job, "alone", None)
    plan = replace(plan_of(batch_size=16), row_memory=300)
    check_as_alone(plan, recipes_of(plan), ROWS.dealt(*SHARES[2]))


@pytest.mark.parametrize("makes", ["one rank", "all ranks"])
def test_the_error_of_one_trial_is_that_of_its_fit_and_ends_no_other(
    makes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if makes == "all ranks":
        monkeypatch.setattr(trials, "MAX_ALONE_RANKS", 0)
    linear = ({"kind": "dense", "units": 9}, {"kind": "dense", "units": CLASSES})
    plan, dealt = plan_of(linear, batch_size=16), ROWS.dealt(*SHARES[2])
    recipes = recipes_of(plan, [0.5, 1e30, 0.1, 0.2])
    rows = in_one_job(plan, recipes, dealt)
    with pytest.raises(TrainingError) as raised:
        fit(replace(plan, recipe=recipes[1]), dealt)
    errors = [m for m in messages_of(rows[rows[TRIAL] == 1]) if isinstance(m, Error)]
    assert errors
    assert {m.message for m in errors} == {str(raised.value)}
    for k in (0, 2, 3):
        assert arrays(rows[rows[TRIAL] == k]) == alone(plan, recipes[k], dealt)


def test_a_job_that_has_lasted_leaves_trials_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, dealt = replace(plan_of(batch_size=16), job_seconds=0.0), ROWS.dealt(*SHARES[2])
    assert set(in_one_job(plan, recipes_of(plan), dealt)[TRIAL]) == {0, 1}
    monkeypatch.setattr(trials, "MAX_ALONE_RANKS", 0)
    assert set(in_one_job(plan, recipes_of(plan), dealt)[TRIAL]) == {0}


def test_faulty_rows_are_the_error_of_every_trial() -> None:
    frames = ROWS.dealt(*SHARES[2])
    frames[1][0].loc[:, "label"] = np.nan
    rows = in_one_job(plan_of(), recipes_of(plan_of()), frames)
    sentences = {m.message for m in messages_of(rows) if isinstance(m, Error)}
    assert len(sentences) == 1
    assert set(rows[TRIAL]) == {0, 1, 2, 3}
