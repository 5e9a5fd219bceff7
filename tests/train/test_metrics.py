"""Metrics in a fit: of all ranks' rows, as of one, and what early stopping makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from spark_deepnet.metrics.top_k import TopK
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.plan import TrainPlan
from tests.train.fits import Fit, N, Rows, fit, plan_of

ROWS = Rows.drawn()
METRICS = ("accuracy", "balanced_accuracy", "f1", "auc", TopK(2), "log_loss")
NAMES = ("accuracy", "balancedAccuracy", "f1", "auc", "top2Accuracy", "logLoss")


def measured_plan(**more: Any) -> TrainPlan:
    return plan_of(**{"weighted": True, "validated": True, "metrics": METRICS, "epochs": 3} | more)


def scores(plan: TrainPlan, weights: np.ndarray) -> np.ndarray:
    runner = Runner(plan.recipe.scores_net(), weights, N)
    runner.feed(N)["features"][...] = ROWS.x
    return runner.forward(N).astype(np.float64)


def probabilities(plan: TrainPlan, weights: np.ndarray) -> np.ndarray:
    z = scores(plan, weights)
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def by_sklearn(p: np.ndarray, rows: np.ndarray) -> list[float]:
    p, y, w = p[rows], ROWS.y[rows], ROWS.weights[rows]
    z, weighted = p.argmax(1), {"sample_weight": w}
    return [
        sk.accuracy_score(y, z, **weighted),
        sk.balanced_accuracy_score(y, z, **weighted),
        sk.f1_score(y, z, average="weighted", **weighted),
        float(np.mean([sk.roc_auc_score(y == c, p[:, c], **weighted) for c in range(3)])),
        sk.top_k_accuracy_score(y, p, k=2, labels=range(3), **weighted),
        sk.log_loss(y, p, labels=range(3), **weighted),
    ]


@pytest.mark.parametrize("shares", [(N,), (25, 0, 35)])
def test_they_are_those_of_all_rows_under_the_weights_of_the_epoch(shares: tuple[int, ...]) -> None:
    plan = measured_plan(patience=0, monitor="auc", learning_rate=1e-3)
    found = fit(plan, ROWS.dealt(*shares))
    row = found.history[found.clock["best_epoch"]]
    p = probabilities(plan, found.weights)
    held = ROWS.validation & (ROWS.weights > 0)
    for of, rows in (("", ~ROWS.validation & (ROWS.weights > 0)), ("validation", held)):
        names = [of + name[0].upper() + name[1:] if of else name for name in NAMES]
        np.testing.assert_allclose([row[name] for name in names], by_sklearn(p, rows), rtol=1e-5)


def test_ranks_and_jobs_do_not_change_them() -> None:
    one = fit(measured_plan(), ROWS.dealt(N))
    for plan in (measured_plan(), measured_plan(class_weights=(1.0, 1.0, 1.0))):
        several = fit(plan, ROWS.dealt(20, 10, 30))
        assert table(several) == [pytest.approx(row, rel=1e-6) for row in table(one)]


def table(found: Fit) -> list[list[float]]:
    names = [*NAMES, *(f"validation{name[0].upper()}{name[1:]}" for name in NAMES)]
    return [[row[name] for name in names] for row in found.history]


def test_without_validation_rows_they_do_not_change_the_weights() -> None:
    plain, measured = (fit(plan_of(weighted=True, metrics=metrics), ROWS.dealt(30, 30)) for metrics in ((), METRICS))
    np.testing.assert_array_equal(plain.weights, measured.weights)
    assert set(measured.history[0]) - set(plain.history[0]) == set(NAMES) - {"accuracy"}
    assert not any(name.startswith("validation") for name in measured.history[0])


def test_blocks_measure_whole_scores() -> None:
    plan = measured_plan(layers=({"kind": "dense", "units": 6, "activation": "tanh"}, {"kind": "dense", "units": 3}))
    alone = fit(plan, ROWS.dealt(N))
    cut = fit(replace(plan, blocks=2), ROWS.dealt(30, 30))
    assert table(cut) == [pytest.approx(row, rel=1e-6) for row in table(alone)]


@pytest.mark.parametrize(
    ("monitor", "figure", "best"),
    [("loss", "validationLoss", min), ("f1", "validationF1", max), ("logLoss", "validationLogLoss", min)],
)
def test_the_best_epoch_is_that_of_the_watched_figure(monitor: str, figure: str, best: Any) -> None:
    found = fit(measured_plan(epochs=12, monitor=monitor, learning_rate=3.0), ROWS.dealt(N))
    values = [row[figure] for row in found.history]
    assert found.clock["best_epoch"] == values.index(best(values))


def test_early_stopping_counts_by_it() -> None:
    found = fit(measured_plan(epochs=30, monitor="accuracy", patience=2, tol=0.5), ROWS.dealt(N))
    assert (len(found.history), found.clock["best_epoch"]) == (3, 0)


def test_regression_measures_predictions_after_the_link() -> None:
    counts = Rows(ROWS.x, np.random.default_rng(0).poisson(3, N).astype(float), ROWS.weights, ROWS.validation)
    plan = plan_of(
        layers=({"kind": "dense", "units": 1},), loss="poisson", metrics=("rmse", "mae", "r2"), learning_rate=0.01,
        columns={"labels": 1, "classes": 0},
    )  # fmt: skip
    found = fit(plan, counts.dealt(20, 40))
    y = np.exp(scores(plan, found.weights)[:, 0])
    expected = [sk.root_mean_squared_error(counts.y, y), sk.mean_absolute_error(counts.y, y), sk.r2_score(counts.y, y)]
    np.testing.assert_allclose([found.history[-1][name] for name in ("rmse", "mae", "r2")], expected, rtol=1e-5)
