"""The same fit on any number of ranks: where every step takes all rows, the weights must agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import TrainPlan
from tests.train.fits import CLASSES, Fit, N, Rows, fit, plan_of

ROWS = Rows.drawn()
DEALS = [(30, 30), (50, 10), (20, 20, 20), (N, 0, 0), (0, 25, 0, 35)]
DROPPED = (Dense(6, activation="tanh"), Dropout(0.3), Dense(CLASSES))
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "row weights": {"weighted": True},
    "dropout": {"layers": DROPPED},
    "momentum": {"optimizer": "momentum", "learning_rate": 0.1},
    "adam": {"optimizer": {"kind": "adam", "epsilon": 1e-3}, "learning_rate": 0.05},
    "lamb": {"optimizer": {"kind": "lamb", "epsilon": 1e-3}, "learning_rate": 0.05},
    "L1 and L2": {"l1": 0.01, "l2": 0.05},
    "clipped length": {"clip_norm": 0.1},
    "clipped values": {"clip_value": 0.02},
    "a schedule": {"schedule": {"kind": "step", "every": 3.0}},
    "all together": {
        "layers": DROPPED,
        "weighted": True,
        "optimizer": "momentum",
        "learning_rate": 0.1,
        "l2": 0.01,
        "clip_norm": 0.5,
        "validated": True,
    },
}
each_recipe = pytest.mark.parametrize("name", RECIPES)


def planned(name: str, **more: Any) -> TrainPlan:
    return plan_of(**{"epochs": 20} | RECIPES[name] | more)


ALONE: dict[str, Fit] = {}


def alone(name: str) -> Fit:
    if name not in ALONE:
        ALONE[name] = fit(planned(name), ROWS.dealt(N))
    return ALONE[name]


def close(found: Fit, expected: Fit) -> None:
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5, atol=1e-5)
    for a, b in zip(found.history, expected.history, strict=True):
        for key in a.keys() - {"seconds", "rowsPerSecond"}:
            assert a[key] == pytest.approx(b[key], rel=1e-5), key


@each_recipe
@pytest.mark.parametrize("deal", DEALS, ids=str)
def test_the_weights_do_not_depend_on_the_number_of_ranks(name: str, deal: tuple[int, ...]) -> None:
    close(fit(planned(name), ROWS.dealt(*deal)), alone(name))


@each_recipe
def test_a_fit_lowers_its_loss(name: str) -> None:
    losses = alone(name).losses()
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("name", ["sgd", "all together"])
def test_sockets_give_what_memory_gives(name: str) -> None:
    dealt = ROWS.dealt(25, 0, 35)
    over = fit(planned(name), dealt, "sockets")
    np.testing.assert_array_equal(over.weights, fit(planned(name), dealt).weights)


@each_recipe
@pytest.mark.parametrize("deal", [(N,), (35, 25)], ids=str)
def test_the_same_fit_twice_is_the_same_bit_for_bit(name: str, deal: tuple[int, ...]) -> None:
    plan = planned(name, batch_size=16, epochs=3)
    dealt = ROWS.dealt(*deal)
    first = fit(plan, dealt)
    again = fit(plan, [[frame.iloc[::-1] for frame in reversed(frames)] for frames in dealt])
    np.testing.assert_array_equal(first.weights, again.weights)
    assert first.losses() == again.losses()


def test_another_seed_gives_other_weights() -> None:
    assert (fit(planned("sgd", seed=8), ROWS.dealt(N)).weights != alone("sgd").weights).any()


def test_rows_of_weight_0_are_as_good_as_absent() -> None:
    kept = ROWS.weights > 0
    fewer = Rows(ROWS.x[kept], ROWS.y[kept], ROWS.weights[kept], ROWS.validation[kept])
    found = fit(planned("row weights"), fewer.dealt(len(fewer)))
    np.testing.assert_allclose(found.weights, alone("row weights").weights, rtol=1e-5, atol=1e-6)


def by_numpy(weights: dict[str, np.ndarray], epochs: int, rate: float, l2: float = 0.0) -> list[float]:
    """Gradient descent of a perceptron with one hidden layer of tanh under softmax cross-entropy; all in float64."""
    W, b, V, c = (weights[name] for name in ("dense/W", "dense/b", "dense_2/W", "dense_2/b"))
    x, share, losses = ROWS.x.astype(np.float64), ROWS.weights / ROWS.weights.sum(dtype=np.float64), []
    told = np.eye(CLASSES)[ROWS.y.astype(int)]
    for _ in range(epochs):
        h = np.tanh(x @ W + b)
        e = np.exp(h @ V + c)
        p = e / e.sum(1, keepdims=True)
        losses.append(float(-(share * np.log((p * told).sum(1))).sum()))
        dz = (p - told) * share[:, None]
        dh = (dz @ V.T) * (1 - h * h)
        for w, gradient in ((V, h.T @ dz + l2 * V), (c, dz.sum(0)), (W, x.T @ dh + l2 * W), (b, dh.sum(0))):
            w -= rate * gradient
    return losses


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("deal", [(N,), (0, 40, 20)], ids=str)
def test_training_is_gradient_descent(deal: tuple[int, ...], l2: float) -> None:
    plan = planned("row weights", l2=l2)
    layout = Layout(plan.recipe.scores_net())
    expected = {name: a.astype(np.float64) for name, a in layout.named(layout.init_weights(plan.recipe.seed)).items()}
    losses = by_numpy(expected, epochs=20, rate=0.5, l2=l2)
    found = fit(plan, ROWS.dealt(*deal))
    np.testing.assert_allclose(found.losses(), losses, rtol=1e-5)
    for name, w in layout.named(found.weights).items():
        np.testing.assert_allclose(w, expected[name], rtol=1e-5, atol=1e-5)


def test_several_steps_an_epoch_see_every_row_once() -> None:
    """With a rate of 0 the measures of an epoch are those of all rows, whatever the batches."""
    whole = fit(planned("sgd", learning_rate=0.0, epochs=1), ROWS.dealt(N))
    parts = fit(planned("sgd", learning_rate=0.0, epochs=2, batch_size=7), ROWS.dealt(30, 20, 10))
    assert parts.clock["count"] == 2 * 9
    for row in parts.history:
        assert row["loss"] == pytest.approx(whole.history[0]["loss"], rel=1e-6)
        assert row["accuracy"] == pytest.approx(whole.history[0]["accuracy"], rel=1e-6)
