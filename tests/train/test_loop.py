"""Epochs: early stopping, the best weights, batches without weight, and what is told on the way."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.losses._metrics import METRICS
from spark_deepnet.net.weights import Layout
from spark_deepnet.train.dataset_stats import take_stats
from spark_deepnet.train.loop import Loop
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import Clock, State
from tests.data.shards import read_shard
from tests.train.fits import N, Rows, fit, plan_of

ROWS = Rows.drawn()


class Lone:
    """The loop of a lonely rank, with what it reports and the weights after each epoch."""

    def __init__(self, rows: Rows = ROWS, **recipe: Any) -> None:
        plan = plan_of(**recipe)
        (channel,) = memory_channels(1, 1.0)
        shard = read_shard([rows.frame()], plan.columns)
        layout = Layout(plan.recipe.scores_net())
        self.state = State.initial(layout, plan.recipe.optimizer, plan.recipe.seed, plan.recipe.validated)
        stats = take_stats(shard, channel, plan)
        self.loop = Loop(plan.recipe, shard, channel, stats, self.state, Meter())
        self.told: list[dict[str, Any]] = []
        self.weights: list[np.ndarray] = []

    def report(self, progress: dict[str, Any]) -> None:
        self.told.append(progress)
        if "measures" in progress:
            self.weights.append(self.state.weights.copy())

    def run(self, wants_end: Any = lambda: False) -> Clock:
        self.loop.run(wants_end, self.report)
        return self.state.clock


@pytest.mark.parametrize("patience", [0, 1, 2, 4])
@pytest.mark.parametrize("tol", [0.0, 0.02])
def test_early_stopping_keeps_the_best_weights(patience: int, tol: float) -> None:
    lone = Lone(validated=True, patience=patience, tol=tol, learning_rate=6.0, epochs=15, batch_size=16)
    clock = lone.run()
    losses = [row["validationLoss"] for row in clock.history]
    best, best_epoch, last = np.inf, 0, 15
    for epoch, loss in enumerate(losses):
        if loss < best - (tol if epoch else 0):
            best, best_epoch = loss, epoch
        if patience and epoch - best_epoch >= patience:
            last = epoch + 1
            break
    assert (clock.best, clock.best_epoch, len(losses), clock.epoch) == (best, best_epoch, last, last)
    assert clock.finished
    np.testing.assert_array_equal(lone.state.kept(), lone.weights[best_epoch])


def test_without_validation_the_last_weights_are_kept() -> None:
    lone = Lone(epochs=3)
    lone.run()
    assert lone.state.best is None
    np.testing.assert_array_equal(lone.state.kept(), lone.weights[-1])


def test_validation_rows_are_not_trained_on() -> None:
    kept = ~ROWS.validation
    rest = Rows(ROWS.x[kept], ROWS.y[kept], ROWS.weights[kept], ROWS.validation[kept])
    validated, plain = Lone(validated=True), Lone(rest)
    validated.run()
    plain.run()
    np.testing.assert_array_equal(validated.state.weights, plain.state.weights)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_batch_without_weight_does_nothing(optimizer: str) -> None:
    weights = np.zeros(N, np.float32)
    weights[5] = 2
    lone = Lone(
        replace(ROWS, weights=weights),
        weighted=True,
        batch_size=1,
        optimizer=optimizer,
        l2=0.1,
        learning_rate=0.1,
        epochs=2,
    )
    seen: list[bytes] = []

    def report(progress: dict[str, Any]) -> None:
        seen.append(lone.state.weights.tobytes())

    lone.loop.run(lambda: False, report)
    assert len(set(seen)) - (seen[0] == seen[-1]) <= 3
    assert lone.state.clock.count == 2, "one step an epoch counts"
    assert np.isfinite([row["loss"] for row in lone.state.clock.history]).all()


def test_a_job_ends_after_the_step_in_which_rank_0_wants_it() -> None:
    lone = Lone(batch_size=10, epochs=2)
    asked = iter([False, False, True])
    clock = lone.run(lambda: next(asked))
    assert (clock.epoch, clock.step, clock.count, clock.finished) == (0, 3, 3, False)
    clock = lone.run(lambda: clock.count == 5)
    assert (clock.epoch, clock.step, clock.count) == (1, 0, 6), "also where the step ends the epoch"
    assert len(clock.history) == 1


def test_progress_tells_epochs_as_real_numbers_and_measures_at_their_ends() -> None:
    lone = Lone(batch_size=15, epochs=2)
    lone.run()
    assert [p["epoch"] for p in lone.told] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 1.75, 2.0, 2.0]
    ends = [p for p in lone.told if "measures" in p]
    assert [p["finished"] for p in ends] == [False, True]
    assert [p["measures"] for p in ends] == lone.state.clock.history
    assert {p["epochs"] for p in lone.told} == {2}
    json.dumps(lone.told)


MEASURES = [
    ("softmax_cross_entropy", "accuracy", {}),
    ("hinge", "accuracy", {}),
    ("sigmoid_cross_entropy", "accuracy", {"labels": 3, "indicators": True}),
    ("squared", "rmse", {"labels": 3}),
    ("poisson", "rmse", {"labels": 3}),
]


@pytest.mark.parametrize(("loss", "metric", "columns"), MEASURES)
def test_history_names_loss_and_metric_of_rows_and_validation_rows(loss: str, metric: str, columns: Any) -> None:
    told = np.eye(3, dtype=np.float32)[ROWS.y.astype(int)]
    y = np.array([*told, None], object)[:-1] if columns else ROWS.y
    lone = Lone(replace(ROWS, y=y), loss=loss, validated=True, columns=columns, epochs=1, learning_rate=0.0)
    (row,) = lone.run().history
    title = metric[0].upper() + metric[1:]
    assert set(row) == {"loss", metric, "validationLoss", f"validation{title}", "seconds", "rowsPerSecond"}
    assert row["rowsPerSecond"] * row["seconds"] == pytest.approx(45)


SCORES = np.array([[2.0, -1.0], [0.5, 1.0], [-1.0, -2.0]], np.float32)
WEIGHTS = np.array([1, 2, 4], np.float32)
SUMS = [
    ("classification", SCORES, np.array([0, 0, 0], np.int32), 1 + 4),
    ("classification", SCORES[:, :1], np.array([1, 0, 0], np.int32), 1 + 4),
    ("multilabel", SCORES, np.array([[1, 0], [1, 0], [1, 1]], np.float32), 1 + 2 / 2),
    ("regression", SCORES, SCORES + np.float32(2), 4 * 7),
]


@pytest.mark.parametrize(("task", "scores", "targets", "expected"), SUMS)
def test_metrics_are_weighted_sums(task: str, scores: np.ndarray, targets: np.ndarray, expected: float) -> None:
    assert METRICS[task].sum(scores, targets, WEIGHTS) == pytest.approx(expected)


def test_rmse_is_the_root_of_the_mean() -> None:
    assert METRICS["regression"].finish(9.0) == 3.0


def test_the_schedule_sees_rows_of_all_ranks() -> None:
    schedule = {"kind": "step", "every": 1.0, "gamma": 1e-9}
    found = fit(plan_of(epochs=1, batch_size=20), ROWS.dealt(20, 40))
    longer = fit(plan_of(epochs=4, batch_size=20, schedule=schedule), ROWS.dealt(20, 40))
    np.testing.assert_allclose(longer.weights, found.weights, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "clock",
    [
        Clock(),
        Clock(3, 4, 99, [0.1, 0.2, 0.3], 1.5, [{"loss": 0.25}, {"loss": 1 / 3}], 0.1, 2, 1, True),
    ],
)
def test_a_clock_survives_json(clock: Clock) -> None:
    assert Clock(**json.loads(json.dumps(asdict(clock)))) == clock
