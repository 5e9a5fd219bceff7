"""Fits of networks with several outputs: one loss that is the weighted sum of theirs, whoever has the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, Source, Target
from spark_deepnet.errors import DataError
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.global_average_pool1d import GlobalAveragePool1D
from spark_deepnet.layers.output import Output
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.data.shards import read_shard
from tests.train.fits import CLASSES, WIDTH, Fit, Rows, fit, plan_of
from tests.train.test_every_step import N, Sequences, close, dealt

ROWS = Rows.drawn(N)
TRUNK = Dense(5, "tanh", name="trunk")
KIND = (Dense(CLASSES, "softmax", name="kind"), Output("softmax_cross_entropy", weight=2.0))
SIZE = (Dense(2, name="size", inputs=("trunk",)), Output("squared", weight=0.3, name="far"))
KINDS, SIZES = Target("y", classes=CLASSES), Target("z", labels=2, column="label 1")
SIZE_OF_ROWS = np.stack([ROWS.x @ np.linspace(-1, 1, WIDTH), np.sin(ROWS.x[:, 0])], 1).astype(np.float32)
DEALS = [(24, 24), (40, 8), (0, 30, 18)]


def frame() -> pd.DataFrame:
    return ROWS.frame().assign(**{"label 1": list(SIZE_OF_ROWS)})


def plan_of_both(*layers: Any, targets: tuple[Target, ...] = (KINDS, SIZES), **recipe: Any) -> TrainPlan:
    told: dict[str, Any] = {"weighted": True, "validated": True, "epochs": 6, "learning_rate": 0.1}
    return plan_of(layers=layers or (TRUNK, *KIND, *SIZE), columns={"targets": targets}, **told | recipe)


def stepped(plan: TrainPlan, rows: pd.DataFrame) -> Stepper:
    """A step at rate 0 over all rows, each output's loss being the mean over its weights."""
    shard, recipe = read_shard([rows], plan.columns), plan.recipe
    layout, picked = Layout(recipe.scores_net()), shard.train.in_order().between(0, len(shard.train))
    state = State.initial(layout, recipe.optimizer, recipe.seed, False)
    stepper = Stepper(recipe, state, len(shard.train), lambda v: None, lambda v: None, Meter())
    scales = 1 / np.array(shard.train.sums)
    stepper.step(*picked, scales, 0.0, False)
    return stepper


def joint_loss(w: dict[str, np.ndarray]) -> float:
    """2 cross-entropy + 0.3 squares, each the weighted mean over the training rows, in float64."""
    used = ~ROWS.validation
    x, y, z, v = (a[used].astype(np.float64) for a in (ROWS.x, ROWS.y, SIZE_OF_ROWS, ROWS.weights))
    h = np.tanh(x @ w["trunk/W"] + w["trunk/b"])
    scores, sizes = h @ w["kind/W"] + w["kind/b"], h @ w["size/W"] + w["size/b"]
    kinds = np.log(np.exp(scores).sum(1)) - scores[np.arange(len(x)), y.astype(int)]
    return float((2.0 * kinds + 0.3 * squares_of(sizes - z)) @ v / v.sum())


def squares_of(off: np.ndarray) -> np.ndarray:
    return (off**2).mean(1)


def test_the_gradient_is_that_of_the_weighted_sum_by_central_differences() -> None:
    stepper, h = stepped(plan_of_both(), frame()), 1e-5
    layout = stepper.runner.layout
    w = {name: a.astype(np.float64) for name, a in layout.named(stepper.state.weights).items()}
    found = layout.named(stepper.gradients)
    assert stepper.measures[:, 0] @ [2.0, 0.3] == pytest.approx(joint_loss(w), rel=1e-5)
    for name, array in w.items():
        for i in np.ndindex(array.shape):
            kept = array[i]
            array[i] = kept + h
            above = joint_loss(w)
            array[i] = kept - h
            below = joint_loss(w)
            array[i] = kept
            assert found[name][i] == pytest.approx((above - below) / (2 * h), abs=2e-6), (name, i)


def test_gradients_and_losses_are_the_sums_of_each_output_alone() -> None:
    both = stepped(plan_of_both(), frame())
    kind = stepped(plan_of_both(TRUNK, *KIND, targets=(KINDS,)), frame())
    lone = replace(SIZE[0], inputs=None)
    size = stepped(plan_of_both(TRUNK, lone, SIZE[1], targets=(SIZES,)), frame())
    found = both.runner.layout.named(both.gradients)
    parts = [part.runner.layout.named(part.gradients) for part in (kind, size)]
    for name, gradients in found.items():
        np.testing.assert_allclose(gradients, sum(part[name] for part in parts if name in part), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(both.measures, np.concatenate([kind.measures, size.measures]), rtol=1e-6)


@pytest.mark.parametrize("deal", DEALS, ids=str)
def test_several_ranks_fit_as_one(deal: tuple[int, ...]) -> None:
    plan = plan_of_both(optimizer="momentum", learning_rate=0.02)
    found = fit(plan, dealt(frame(), *deal))
    close(found, fit(plan, dealt(frame(), N)))
    assert found.losses()[-1] < found.losses()[0]


def test_a_fit_in_many_jobs_equals_the_uncut_one() -> None:
    plan = plan_of_both(batch_size=20, epochs=2)
    whole, cut = fit(plan, dealt(frame(), 30, 18)), fit(replace(plan, job_seconds=0.0), dealt(frame(), 30, 18))
    assert cut.jobs > 2
    np.testing.assert_array_equal(cut.weights, whole.weights)
    assert own(cut) == own(whole)


def own(found: Fit) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "rowsPerSecond")} for row in found.history]


def test_the_history_names_each_outputs_measures_behind_the_whole_loss() -> None:
    for row in own(fit(plan_of_both(epochs=2), dealt(frame(), 20, 28))):
        assert list(row) == [
            *("loss", "kind_loss", "kind_accuracy", "far_loss", "far_rmse"),
            *("validationLoss", "kind_validationLoss", "kind_validationAccuracy"),
            *("far_validationLoss", "far_validationRmse"),
        ]
        assert row["loss"] == pytest.approx(2.0 * row["kind_loss"] + 0.3 * row["far_loss"])
        assert row["validationLoss"] == pytest.approx(
            2.0 * row["kind_validationLoss"] + 0.3 * row["far_validationLoss"]
        )


def test_a_marked_output_alone_is_the_network_without_the_mark() -> None:
    top = Dense(CLASSES, "softmax")
    marked = plan_of_both(TRUNK, top, Output(), targets=(KINDS,))
    plain = plan_of_both(TRUNK, top, targets=(KINDS,))
    found, expected = (fit(plan, dealt(frame(), 30, 18)) for plan in (marked, plain))
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert own(found) == own(expected)


def test_an_output_of_weight_0_is_measured_and_does_not_train() -> None:
    watched = (SIZE[0], replace(SIZE[1], weight=0.0))
    found = stepped(plan_of_both(TRUNK, *KIND, *watched), frame())
    assert not found.runner.layout.named(found.gradients)["size/W"].any()
    assert found.measures[1, 0] > 0


SEQUENCES = Sequences()
WHOLE = np.array([x.sum() for x in SEQUENCES.x], np.float32)


def plan_of_steps_and_rows(**recipe: Any) -> TrainPlan:
    """A class for every step, and a number for the row."""
    layers = (
        TRUNK,
        Dense(CLASSES, name="kind"),
        Output("softmax_cross_entropy"),
        GlobalAveragePool1D(inputs=("trunk",)),
        Dense(1, name="sum"),
        Output("squared"),
    )
    targets = (replace(KINDS, steps=True), Target("s", labels=1, column="label 1"))
    columns = {"sources": (Source((5, 3), name="f", kind=STEPS),), "targets": targets}
    return plan_of(
        layers=layers, columns=columns, entries=(InputSpec((5, 3), steps=True),), learning_rate=0.05, **recipe
    )


@pytest.mark.parametrize("deal", DEALS, ids=str)
def test_targets_for_every_step_and_for_the_row_train_side_by_side(deal: tuple[int, ...]) -> None:
    rows = SEQUENCES.whole(SEQUENCES.y).assign(**{"label 1": WHOLE})
    plan = plan_of_steps_and_rows(weighted=True, validated=True)
    found = fit(plan, dealt(rows, *deal))
    close(found, fit(plan, dealt(rows, N)))
    assert found.losses()[-1] < found.losses()[0]


def test_each_mean_is_over_its_own_weights() -> None:
    """The loss of the first step: of the steps it is the mean over steps, of the rows that over rows."""
    rows = SEQUENCES.whole(SEQUENCES.y).assign(**{"label 1": WHOLE})
    plan = plan_of_steps_and_rows(epochs=1, weighted=True)
    (row,) = fit(plan, dealt(rows, N)).history
    layout = Layout(plan.recipe.scores_net())
    w = layout.named(layout.init_weights(plan.recipe.seed))
    steps = [np.tanh(x @ w["trunk/W"] + w["trunk/b"]) for x in SEQUENCES.x]
    sums = np.array([(h.mean(0) if len(h) else np.zeros(5)) @ w["sum/W"] + w["sum/b"] for h in steps])[:, 0]
    v = SEQUENCES.weights
    assert row["sum_loss"] == pytest.approx((squares_of((sums - WHOLE)[:, None]) @ v) / v.sum(), rel=1e-5)
    scores = [h @ w["kind/W"] + w["kind/b"] for h in steps]
    losses = [
        (np.log(np.exp(s).sum(1)) - s[np.arange(len(s)), y]).sum() for s, y in zip(scores, SEQUENCES.y, strict=True)
    ]
    assert row["kind_loss"] == pytest.approx((losses @ v) / (SEQUENCES.lengths @ v), rel=1e-5)


def test_a_bad_target_of_any_output_ends_the_fit() -> None:
    rows = frame()
    rows.at[3, "label 1"] = np.array([np.nan, 0], np.float32)
    with pytest.raises(DataError, match="column 'z': null, NaN or infinite targets"):
        fit(plan_of_both(), dealt(rows, 24, 24))
