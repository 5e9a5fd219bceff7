"""Fits by an optimizer that steps over all rows at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.schema import Target
from spark_deepnet.errors import TrainingError
from spark_deepnet.forecast.probe import drawn
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Call
from spark_deepnet.layers.normalization import Normalization
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.full_batch import FullBatch
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.train.fits import CLASSES, Fit, N, Rows, fit, plan_of

ROWS = Rows.drawn()
DEALT = [(60,), (30, 30), (0, 40, 20)]


def made(**more: Any) -> TrainPlan:
    return plan_of(**{"optimizer": "lbfgs", "batch_size": 16, "epochs": 40, "l2": 0.01} | more)


def named(plan: TrainPlan, found: Fit) -> list[np.ndarray]:
    """The arrays of weights, those that steps change first."""
    return list(plan.recipe.scores_net().layout.named(found.weights).values())


CONVEX = ({"kind": "dense", "units": CLASSES},)


def test_it_finds_the_minimum_that_scipys_own_finds() -> None:
    """Of softmax regression, whose loss is convex."""
    one_hot, x = np.eye(CLASSES)[ROWS.y.astype(int)], ROWS.x.astype(np.float64)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = flat[:-CLASSES].reshape(-1, CLASSES), flat[-CLASSES:]
        z = x @ w + b
        z -= z.max(1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(1, keepdims=True))
        d = (np.exp(logs) - one_hot) / N
        gradient = np.concatenate([(x.T @ d + 0.01 * w).ravel(), d.sum(0)])
        return -(logs * one_hot).sum() / N + 0.005 * (w * w).sum(), gradient

    best = minimize(loss, np.zeros(x.shape[1] * CLASSES + CLASSES), jac=True, method="L-BFGS-B", tol=1e-12)
    found = fit(made(layers=CONVEX), ROWS.dealt(60))
    w, b = named(made(layers=CONVEX), found)
    assert loss(np.concatenate([w.ravel(), b]))[0] == pytest.approx(best.fun, rel=1e-6)
    assert len(found.history) < 40  # it ends where nothing is left to find


@pytest.mark.parametrize("shares", DEALT, ids=str)
def test_the_objective_never_rises_and_jobs_may_be_cut(shares: tuple[int, ...]) -> None:
    found = fit(made(l2=0.0, epochs=15), ROWS.dealt(*shares))
    assert all(np.diff(found.losses()) <= 0)
    assert found.losses()[-1] < 0.25 * found.losses()[0]
    cut = fit(replace(made(l2=0.0, epochs=15), job_seconds=0.0), ROWS.dealt(*shares))
    assert cut.jobs > 3
    np.testing.assert_array_equal(cut.weights, found.weights)


def test_ranks_find_what_one_finds() -> None:
    """But for rounding, which grows from iteration to iteration."""
    losses = [fit(made(epochs=6), ROWS.dealt(*shares)).losses() for shares in DEALT]
    np.testing.assert_allclose(losses[1:], [losses[0]] * 2, rtol=1e-5)


@pytest.mark.parametrize("more", [{"validated": True, "patience": 2}, {"metrics": ("accuracy",)}], ids=str)
def test_it_is_validated_and_measured_as_others_are(more: dict[str, Any]) -> None:
    found = fit(made(epochs=60, l2=0.0, **more), ROWS.dealt(30, 30))
    names = set(found.history[-1])
    assert names >= ({"validationLoss"} if "validated" in more else {"accuracy"})
    if "validated" in more:
        losses = [row["validationLoss"] for row in found.history]
        assert found.clock["best_epoch"] == int(np.argmin(losses)) == len(losses) - 3


def test_steps_are_iterations() -> None:
    found = fit(made(max_steps=4), ROWS.dealt(60))
    assert (found.clock["made"], found.clock["count"], len(found.history)) == (4, 4, 4)


def test_what_is_frozen_stays_as_it_is() -> None:
    layers = (Dense(5, activation="tanh", trainable=False), Dense(CLASSES))
    plans = [made(layers=layers, epochs=n) for n in (1, 5)]
    start, end = (named(plan, fit(plan, ROWS.dealt(60))) for plan in plans)
    assert [np.array_equal(*pair) for pair in zip(start, end, strict=True)] == [False, False, True, True]


def test_rows_that_are_too_large_end_it_in_one_sentence() -> None:
    rows = replace(ROWS, x=ROWS.x * np.float32(1e38))
    with pytest.raises(TrainingError, match="loss became NaN or infinite in epoch 1"):
        fit(made(layers=CONVEX), rows.dealt(30, 30))


STANDARDIZED = (Dense(5, activation="tanh"), Dense(2), Normalization(True))
OBJECTIVES: dict[str, dict[str, Any]] = {
    "classes": {},
    "weighted": {"weighted": True},
    "two targets": {"layers": (Dense(5, activation="tanh"), Dense(2)), "loss": "squared"},
    "targets of two sizes": {"layers": STANDARDIZED, "deviation": [3.0, 0.1], "loss": "squared"},
    "targets of one size": {"layers": STANDARDIZED, "deviation": [3.0, 3.0], "loss": "huber"},
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_those_of_the_objective(name: str) -> None:
    """By central differences along random directions."""
    told = dict(OBJECTIVES[name])
    deviation = told.pop("deviation", None)
    if told.get("loss"):
        told["columns"] = {"targets": (Target(label="y", labels=2),)}
    full = full_batch(made(**told), deviation)
    w = full.state.weights[full.moving].copy()
    g, rng = full._evaluated(w).g, np.random.default_rng(1)
    for _ in range(5):
        p = rng.normal(size=len(w)).astype(np.float32) * (w != 0)
        p /= np.linalg.norm(p)
        ahead, behind = (full._evaluated(w + np.float32(h) * p).f for h in (3e-3, -3e-3))
        assert (ahead - behind) / 6e-3 == pytest.approx(float(g @ p), rel=5e-3, abs=1e-3 * float(np.linalg.norm(g)))


def full_batch(plan: TrainPlan, deviation: list[float] | None) -> FullBatch:
    """Over random rows. deviation: of the targets, where they are standardized."""
    recipe, table = plan.recipe, drawn(plan.columns, 40, 0)
    layout = recipe.block_net(0, 1).layout
    state = State.initial(layout, recipe.optimizer, 3, False)
    if deviation:
        layout.named(state.weights)["normalization/deviation"][...] = deviation
    stepper = Stepper(recipe, state, 16, Call.total, Call.total, Meter())
    return FullBatch(recipe, stepper, InMemoryDataset.all_of(table), Call.total, 0)
