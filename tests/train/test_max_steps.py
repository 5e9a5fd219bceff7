"""Fits that end after a number of steps, within an epoch too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.net import cut
from spark_deepnet.plan.plan import ANY_EPOCHS
from spark_deepnet.schedules.cosine import Cosine
from spark_deepnet.train.step import Stepper
from tests.train.fits import Fit, N, Rows, fit, plan_of

ROWS, BATCH, STEPS = Rows.drawn(), 20, 3
"""Three steps an epoch."""
WAYS: dict[str, dict[str, Any]] = {
    "synchronous": {},
    "averaged": {"sync_every": 2},
    "synchronous at first": {"sync_every": 2, "sync_epochs": 1},
    "validated": {"validated": True},
}


Watched = tuple[Fit, list[np.ndarray], list[float]]


def watched(monkeypatch: pytest.MonkeyPatch, plan: Any, shares: tuple[int, ...]) -> Watched:
    """A fit, and the weights and the rate of each of its synchronous steps."""
    weights, rates, step = [], [], Stepper.step

    def watching(self: Stepper, *args: Any) -> None:
        step(self, *args)
        if args[-2] > 0:  # kernels are compiled at a rate of 0
            weights.append(self.state.weights.copy())
            rates.append(args[-2])

    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "step", watching)
        return fit(plan, ROWS.dealt(*shares)), weights, rates


@pytest.mark.parametrize("count", [1, 3, 4, 8])
def test_the_weights_are_those_of_a_longer_fit_after_as_many_steps(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, expected, _ = watched(monkeypatch, plan_of(batch_size=BATCH, epochs=4), (N,))
    found, _, _ = watched(monkeypatch, plan_of(batch_size=BATCH, epochs=ANY_EPOCHS, max_steps=count), (N,))
    np.testing.assert_array_equal(found.weights, expected[count - 1])
    assert (found.clock["made"], found.clock["finished"], len(found.history)) == (count, True, -(-count // STEPS))


def test_the_epochs_end_it_where_they_are_fewer() -> None:
    found = fit(plan_of(batch_size=BATCH, epochs=2, max_steps=100), ROWS.dealt(N))
    assert (found.clock["made"], len(found.history)) == (6, 2)


def test_schedules_take_it_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(batch_size=BATCH, epochs=ANY_EPOCHS, max_steps=7, schedule=Cosine(), learning_rate=0.5)
    _, _, rates = watched(monkeypatch, plan, (N,))
    np.testing.assert_allclose(rates, [0.5 * Cosine().factor(step / 3, 7 / 3) for step in range(7)])


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("shares", [(30, 30), (0, 40, 20)], ids=str)
@pytest.mark.parametrize("name", WAYS)
def test_so_it_is_on_several_ranks(name: str, shares: tuple[int, ...], count: int) -> None:
    plan = plan_of(batch_size=BATCH // len(shares), epochs=ANY_EPOCHS, max_steps=count, **WAYS[name])
    found = fit(plan, ROWS.dealt(*shares))
    assert (found.clock["made"], found.clock["finished"]) == (count, True)
    assert np.isfinite(found.losses()).all()
    again = fit(replace(plan, job_seconds=0.0), ROWS.dealt(*shares))
    np.testing.assert_array_equal(again.weights, found.weights)
    assert again.losses() == found.losses()


@pytest.mark.parametrize("tau", [1, 3])
def test_in_blocks_too(tau: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    plan = replace(plan_of(batch_size=BATCH, epochs=ANY_EPOCHS, max_steps=4, sync_every=tau), blocks=2)
    assert fit(plan, ROWS.dealt(15, 15, 15, 15)).clock["made"] == 4
