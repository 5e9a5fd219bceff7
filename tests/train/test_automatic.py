"""Fits whose batches, epochs and decay follow from the rows, and rows that are held out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.hold_out import hold_out
from spark_deepnet.data.schema import Columns
from spark_deepnet.data.table import Dense, Table
from spark_deepnet.plan import automatic
from spark_deepnet.plan.automatic import batch_for, resolved
from spark_deepnet.plan.plan import ANY_EPOCHS
from spark_deepnet.train import fit_clock
from tests.train.fits import Fit, N, Rows, fit, plan_of

ALL = ("batch_size", "epochs", "l2")
ROWS = Rows.drawn()
LAW = {"schedule": "warmup_stable_decay", "epochs": ANY_EPOCHS, "batch_size": 30}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of 40 steps at the most, which may end from the tenth on."""
    monkeypatch.setattr(automatic, "MIN_STEPS", 40)
    monkeypatch.setattr(fit_clock, "PLATEAU_STEPS", 10)
    monkeypatch.setattr(fit_clock, "PATIENCE_STEPS", 6)


@pytest.mark.parametrize("rows", [1, 90, 1347, 24000, 60_000, 10_000_000])
def test_a_small_table_has_small_batches_and_enough_steps(rows: int) -> None:
    recipe = resolved(replace(plan_of().recipe, automatic=ALL), rows)
    steps = recipe.epochs * -(-rows // recipe.batch_size)
    assert recipe.batch_size in (32, 64, 128, 256, 512)
    assert 2000 <= steps < 2000 + max(2000, 11 * rows // recipe.batch_size)
    assert recipe.epochs >= 10
    assert recipe.l2 == 4 / rows
    assert resolved(recipe, rows) == recipe
    assert resolved(replace(recipe, automatic=()), 7) == replace(recipe, automatic=())


def test_batches_grow_with_the_rows() -> None:
    sizes = [batch_for(n) for n in range(1, 200_000, 97)]
    assert sizes == sorted(sizes)


def ended(shares: tuple[int, ...] = (N,), seconds: float = 30.0, rows: Rows = ROWS, **recipe: Any) -> Fit:
    plan = plan_of(**({"automatic": ("epochs",), "patience": 3} | LAW | recipe))
    return fit(replace(plan, job_seconds=seconds), rows.dealt(*shares))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("way", [{}, {"validated": True}, {"sync_every": 2}])
def test_a_loss_that_no_longer_improves_ends_the_fit(way: dict[str, Any]) -> None:
    """With labels of no rule and a rate at which nothing moves, soon after the first steps that may be the last."""
    rows = replace(ROWS, y=np.random.default_rng(1).integers(0, 3, N).astype(np.float64))
    still = ended(learning_rate=1e-9, rows=rows, **way)
    moving = ended(learning_rate=0.5, **way)
    per_epoch = moving.clock["made"] / len(moving.history)
    assert still.clock["end"] == len(still.history) == int(np.ceil(np.ceil(10 / per_epoch) / 0.7))
    assert (moving.clock["end"], len(moving.history)) == (0, np.ceil(40 / np.ceil(per_epoch)))
    assert ended(learning_rate=1e-9, rows=rows, patience=0, **way).clock["end"] == 0


@pytest.mark.usefixtures("short")
def test_jobs_and_ranks_change_nothing() -> None:
    one = ended(learning_rate=0.05, batch_size=1000)
    np.testing.assert_array_equal(ended(learning_rate=0.05, batch_size=1000, seconds=0.0).weights, one.weights)
    several = ended((20, 0, 40), learning_rate=0.05, batch_size=1000)
    np.testing.assert_allclose(several.weights, one.weights, atol=1e-5)
    assert len(several.history) == len(one.history)


def test_the_same_rows_are_held_out_however_they_are_divided() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    x[1000:] = x[:1000]

    def held(rows: np.ndarray, fraction: float = 0.2, seed: int = 0) -> np.ndarray:
        n = len(rows)
        table = Table({"x": Dense(x[rows])}, (np.zeros(n, np.int32),), np.ones(n), np.zeros(n, bool))
        return hold_out(table, Columns((), held_out=fraction, seed=seed)).validation

    every = np.arange(2000)
    whole = held(every)
    assert 0.15 < whole.mean() < 0.25
    np.testing.assert_array_equal(whole[:1000], whole[1000:])
    order = np.random.default_rng(1).permutation(every)
    for part in np.array_split(order, 5):
        np.testing.assert_array_equal(held(part), whole[part])
    assert (held(every, seed=1) != whole).any()
    assert not held(every, 0.0).any()
