"""Gradients that are compressed between hosts: near the exact fit, and the same bits however the fit is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import TrainingError
from spark_deepnet.exchange import cost
from spark_deepnet.exchange.compressions import FP16, TopK
from spark_deepnet.layers import Dense
from spark_deepnet.plan.plan import TrainPlan
from tests.train.fits import CLASSES, Fit, N, Rows, fit, plan_of

ROWS = Rows.drawn()
HALF = {"compression": FP16()}
TOP = {"compression": TopK(0.1)}
each = pytest.mark.parametrize("how", [HALF, TOP], ids=["fp16", "topk"])


@pytest.fixture(autouse=True)
def _compression_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the few weights of these networks."""
    monkeypatch.setattr(cost, "STEP_BYTES", 0)


def planned(**more: Any) -> TrainPlan:
    return plan_of(**{"epochs": 20, "batch_size": 30} | more)


def fitted(plan: TrainPlan, deal: Sequence[int] = (40, 20)) -> Fit:
    """Every rank on a host of its own."""
    return fit(plan, ROWS.dealt(*deal), hosts=[f"host {rank}" for rank in range(len(deal))])


EXACT: list[Fit] = []


def exact() -> Fit:
    if not EXACT:
        EXACT.append(fitted(planned()))
    return EXACT[0]


def test_halves_come_near_the_exact_fit() -> None:
    halves = fitted(planned(**HALF))
    assert (halves.weights != exact().weights).any()
    np.testing.assert_allclose(halves.weights, exact().weights, rtol=0, atol=0.01 * np.abs(exact().weights).max())
    assert halves.losses() == pytest.approx(exact().losses(), rel=0.01)


@pytest.mark.parametrize("deal", [(40, 20), (20, 0, 40)], ids=str)
def test_the_largest_tenth_alone_converges(deal: tuple[int, ...]) -> None:
    few = fitted(planned(epochs=100, **TOP), deal)
    assert few.losses()[-1] < 1.1 * fitted(planned(epochs=100), deal).losses()[-1] < 0.5 * few.losses()[0]
    assert few.measures[0]["bytesSent"] < 0.7 * exact().measures[0]["bytesSent"] * 100 / 20


@each
def test_what_is_measured_is_not_compressed(how: dict[str, Any]) -> None:
    """Of the first epoch's only step, whose gradients are the first to be rounded."""
    first = [fitted(planned(batch_size=N, epochs=1, validated=True, **more)).history[0] for more in ({}, how)]
    assert first[0]["loss"] == first[1]["loss"]
    assert first[0]["accuracy"] == first[1]["accuracy"]
    assert first[0]["validationLoss"] != first[1]["validationLoss"]


@each
@pytest.mark.parametrize("deal", [(40, 20), (20, 0, 40)], ids=str)
def test_a_fit_cut_after_every_step_equals_the_uncut_one(how: dict[str, Any], deal: tuple[int, ...]) -> None:
    plan = planned(epochs=4, optimizer="adam", validated=True, **how)
    whole, cut = fitted(plan, deal), fitted(replace(plan, job_seconds=0.0), deal)
    assert (whole.jobs, cut.jobs) == (1, cut.clock["count"])
    np.testing.assert_array_equal(cut.weights, whole.weights)
    assert cut.losses() == whole.losses()


@each
def test_and_with_weights_in_blocks(how: dict[str, Any]) -> None:
    layers = (Dense(64, activation="tanh"), Dense(CLASSES))
    plan = replace(planned(epochs=3, layers=layers, **how), blocks=2)
    whole, cut = (fitted(replace(plan, job_seconds=s), (20, 20, 10, 10)) for s in (30.0, 0.0))
    assert (whole.jobs, cut.jobs) == (1, 6)
    np.testing.assert_array_equal(cut.weights, whole.weights)


@each
def test_within_a_host_nothing_is_compressed(how: dict[str, Any]) -> None:
    dealt = ROWS.dealt(40, 20)
    np.testing.assert_array_equal(fit(planned(**how), dealt).weights, exact().weights)


@each
def test_a_loss_that_leaves_the_finite_numbers_is_told(how: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=r"the loss became NaN or infinite in epoch 1, step 2"):
        fitted(planned(learning_rate=1e39, **how))
