"""Fits of few rows by small networks: one rank makes them, where the number of ranks was not set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.train import alone
from tests.train.fits import Fit, N, Rows, fit, plan_of

ROWS = Rows.drawn()
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "validated": {"validated": True},
    "measured": {"metrics": ("accuracy", "auc")},
    "L-BFGS": {"optimizer": "lbfgs"},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
}


def fitted(dealt: list[Any], may: bool = True, **recipe: Any) -> Fit:
    return fit(replace(plan_of(**{"batch_size": 16, "epochs": 4} | recipe), may_train_alone=may), dealt)


@pytest.mark.parametrize("shares", [(30, 30), (0, 40, 20), (60, 0)], ids=str)
@pytest.mark.parametrize("name", WAYS)
def test_it_is_the_fit_of_one_worker_bit_for_bit(name: str, shares: tuple[int, ...]) -> None:
    found, one = fitted(ROWS.dealt(*shares), **WAYS[name]), fitted(ROWS.dealt(N), **WAYS[name])
    np.testing.assert_array_equal(found.weights, one.weights)
    assert found.losses() == one.losses()
    assert [each["ownRows"] for each in found.measures] == list(shares), "each tells what it has read"


def test_jobs_may_be_cut() -> None:
    plan = replace(plan_of(batch_size=16, epochs=6), may_train_alone=True)
    whole = fit(plan, ROWS.dealt(30, 30))
    cut = fit(replace(plan, job_seconds=0.0), ROWS.dealt(30, 30))
    assert cut.jobs > 1
    np.testing.assert_array_equal(cut.weights, whole.weights)


@pytest.mark.parametrize(
    "case",
    ["the number was set", "large steps", "many bytes", "local steps", "compressed"],
)
def test_otherwise_all_ranks_make_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    more: dict[str, Any] = {"local steps": {"sync_every": 2}, "compressed": {"compression": "fp16"}}.get(case, {})
    if case == "large steps":
        monkeypatch.setattr(alone, "MULTIPLY_ADDS_PER_SECOND", 1.0)
    if case == "many bytes":
        monkeypatch.setattr(alone, "MAX_BYTES", 100)
    found = fitted(ROWS.dealt(30, 30), case != "the number was set", **more)
    several = fitted(ROWS.dealt(30, 30), False, **more)
    np.testing.assert_array_equal(found.weights, several.weights)
    assert all(each["bytesSent"] > 0 for each in found.measures)


@pytest.mark.parametrize(("units", "rows", "pays"), [(8, 1000, True), (8, 10**9, True), (4096, 1000, False)])
def test_it_depends_on_the_length_of_a_step(units: int, rows: int, pays: bool) -> None:
    layers = ({"kind": "dense", "units": units}, {"kind": "dense", "units": units}, {"kind": "dense", "units": 3})
    assert alone.pays(plan_of(layers, batch_size=64).recipe, rows, 2) == pays
