"""Replicas whose averages have momentum of their own: against plain NumPy, cut into jobs, in rounds, in blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.forecast.memory import memory
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.net import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.identity import difference, identity
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train import auto_sync, rank
from spark_deepnet.train.outer_step import OuterStep
from spark_deepnet.train.state import State
from tests.train.fits import CLASSES, N, Rows, fit, plan_of
from tests.train.test_averaging import DEALS, LINEAR, Replica, arrays_of, weights_of, without_seconds
from tests.train.test_sparse import ROWS as SPARSE_ROWS
from tests.train.test_sparse import densified, same, sparse_plan

ROWS = Rows.drawn()
DEEP = (Dense(6), BatchNorm(), Dropout(0.2), Dense(CLASSES))
OUTER = [(0.5, 1.0), (0.0, 0.7), (0.8, 0.3), (0.3, 1.5)]
each_outer = pytest.mark.parametrize(("momentum", "rate"), OUTER)


def outer_plan(layers: Any = DEEP, momentum: float = 0.5, rate: float = 1.0, **recipe: Any) -> TrainPlan:
    """Three steps of five rows between averages, by adam."""
    told = {"batch_size": 5, "sync_every": 3, "optimizer": "adam", "learning_rate": 0.02, "epochs": 3}
    return plan_of(layers, **told | {"sync_momentum": momentum, "sync_rate": rate} | recipe)


def reference(replicas: list[Replica], tau: int, steps: int, momentum: float, rate: float) -> np.ndarray:
    """The paper's loop: local steps, the mean, momentum over its differences."""
    shares = np.array([len(r.x) for r in replicas]) / sum(len(r.x) for r in replicas)
    x, u = replicas[0].w.copy(), np.zeros_like(replicas[0].w)
    for step in range(1, steps + 1):
        for r in replicas:
            r.step(0.3, 0.8)
        if step % tau == 0 or step == steps:
            mean, velocity = (sum(s * v for s, v in zip(shares, of, strict=True))
                              for of in ([r.w for r in replicas], [r.v for r in replicas]))  # fmt: skip
            u = momentum * u + (x - mean)
            x = x - rate * u
            for r in replicas:
                r.w, r.v = x.copy(), velocity.copy()
    return x


@pytest.mark.parametrize("deal", [*DEALS, (N,)], ids=str)
@each_outer
@pytest.mark.parametrize(("tau", "epochs"), [(2, 7), (3, 6)])
def test_averages_follow_the_formula(
    deal: tuple[int, ...], momentum: float, rate: float, tau: int, epochs: int
) -> None:
    """A step takes all of a replica's rows, so an epoch is a step. It holds for a single replica too."""
    plan = plan_of(LINEAR, optimizer={"kind": "momentum", "momentum": 0.8}, learning_rate=0.3, epochs=epochs)
    start = fit(plan_of(LINEAR, learning_rate=0.0, epochs=1), ROWS.dealt(N)).weights
    dealt = ROWS.dealt(*deal)
    own = [[np.concatenate(column) for column in zip(*map(arrays_of, frames), strict=True)] for frames in dealt]
    replicas = [Replica(x, y, weights_of(start).astype(np.float64)) for x, y in own]
    expected = reference(replicas, tau, epochs, momentum, rate)
    found = fit(with_recipe(plan, sync_every=tau, sync_momentum=momentum, sync_rate=rate), dealt)
    np.testing.assert_allclose(weights_of(found.weights), expected, rtol=2e-5, atol=4e-6)


def with_recipe(plan: TrainPlan, **recipe: Any) -> TrainPlan:
    return replace(plan, recipe=replace(plan.recipe, **recipe))


@pytest.mark.parametrize("sync_every", [1, 3])
def test_the_defaults_and_synchronous_steps_make_no_outer_step(sync_every: int) -> None:
    plain = plan_of(DEEP, sync_every=sync_every, batch_size=5)
    made = with_recipe(plain, sync_momentum=0.0, sync_rate=1.0)
    assert not made.recipe.outer_steps
    assert difference(identity(plain, False), identity(made, False)) is None
    together = with_recipe(plain, sync_every=1, sync_momentum=0.5, sync_rate=0.5)
    assert not together.recipe.outer_steps
    dealt = ROWS.dealt(30, 30)
    expected = fit(with_recipe(plain, sync_every=1), dealt).weights
    np.testing.assert_array_equal(fit(together, dealt).weights, expected)


@pytest.mark.parametrize("validated", [False, True], ids=["", "validated"])
@pytest.mark.parametrize("deal", [(30, 30), (50, 0, 10), (N,)], ids=str)
@pytest.mark.parametrize("sync_state", ["keep", "average", "reset"])
def test_a_fit_cut_after_every_round_equals_the_uncut_one(
    deal: tuple[int, ...], sync_state: str, validated: bool
) -> None:
    plan, dealt = outer_plan(sync_state=sync_state, validated=validated, weighted=True), ROWS.dealt(*deal)
    whole, parts = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert (whole.jobs, parts.jobs >= 3) == (1, True)
    np.testing.assert_array_equal(parts.weights, whole.weights)
    assert without_seconds(parts) == without_seconds(whole)
    plain = fit(with_recipe(plan, sync_momentum=0.0), dealt)
    assert np.abs(whole.weights - plain.weights).max() > 1e-3


def test_momentum_that_is_lost_between_jobs_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The law above holds because the momentum travels."""
    plan, dealt = outer_plan(), ROWS.dealt(30, 30)
    whole, restore = fit(plan, dealt), State.restore

    def forgets(self: State, *told: Any) -> None:
        restore(self, *told)
        assert self.outer is not None
        self.outer[:] = 0

    monkeypatch.setattr(State, "restore", forgets)
    assert np.abs(fit(replace(plan, job_seconds=0.0), dealt).weights - whole.weights).max() > 1e-3


@pytest.mark.parametrize("world", ["memory", "sockets"])
def test_every_rank_comes_to_the_same_bits(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and momentum of all three ranks, by threads and by sockets."""
    ends: list[tuple[bytes, bytes]] = []
    trained = rank.trained

    def noted(*told: Any) -> Any:
        state, stats = trained(*told)
        assert state.outer is not None
        ends.append((state.weights.tobytes(), state.outer.tobytes()))
        return state, stats

    monkeypatch.setattr(rank, "trained", noted)
    found = fit(outer_plan(), ROWS.dealt(25, 20, 15), world)
    assert (len(ends), len(set(ends))) == (3, 1)
    np.testing.assert_array_equal(found.weights, fit(outer_plan(), ROWS.dealt(25, 20, 15)).weights)


def test_no_byte_more_is_exchanged() -> None:
    plain, outer = (fit(outer_plan(momentum=m), ROWS.dealt(30, 30)).measures for m in (0.0, 0.5))
    assert [m["bytesSent"] for m in outer] == [m["bytesSent"] for m in plain]


@each_outer
def test_statistics_and_frozen_weights_are_the_plain_mean(momentum: float, rate: float) -> None:
    """At a learning rate of 0 nothing moves but the statistics, which become the plain fit's, and so without momentum."""
    layers = (Dense(6, trainable=False), BatchNorm(), Dense(CLASSES))
    settings = {"learning_rate": 0.0, "optimizer": "sgd", "validated": True}  # or they would be made anew at the end
    dealt = ROWS.dealt(30, 30)
    plain, found = (fit(outer_plan(layers, m, r, **settings), dealt) for m, r in ((0.0, 1.0), (momentum, rate)))
    layout = Layout(plan_of(layers).recipe.scores_net())
    for slot in layout.slots:
        one, other = slot.view(plain.weights), slot.view(found.weights)
        if slot.weight.moves:
            np.testing.assert_allclose(other, one, atol=1e-5)
        else:
            np.testing.assert_array_equal(other, one, err_msg=slot.name)
    assert 0 < layout.moving < layout.varying < layout.size


@pytest.mark.parametrize("sync_state", ["keep", "average"])
@pytest.mark.parametrize("tau", [0, 2, 7])
def test_one_replica_at_the_defaults_is_serial_training_bit_for_bit(sync_state: str, tau: int) -> None:
    settings = {"sync_momentum": 0.0, "sync_rate": 1.0, "sync_state": sync_state}
    alone, serial = (fit(outer_plan(sync_every=t, **settings), ROWS.dealt(N)) for t in (tau, 1))
    np.testing.assert_array_equal(alone.weights, serial.weights)
    assert without_seconds(alone) == without_seconds(serial)


@pytest.mark.parametrize("tau", [0, 2, 7])
def test_one_replica_whose_momentum_vanishes_is_near_serial_training(tau: int) -> None:
    """Local steps of a single rank are its synchronous ones; chosen steps between averages leave it serial."""
    momentum = {"optimizer": "momentum", "learning_rate": 0.1, "batch_size": 16, "validated": True}
    found, serial = (fit(outer_plan(momentum=1e-9, sync_every=t, **momentum), ROWS.dealt(N)) for t in (tau, 1))
    np.testing.assert_allclose(found.weights, serial.weights, rtol=1e-4 * (tau > 0), atol=1e-5 * (tau > 0))
    assert found.clock["count"] == serial.clock["count"]


@pytest.mark.parametrize("shares", [(40, 20), (60,)], ids=str)
def test_sparse_rows_give_the_weights_of_dense_ones(shares: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    dealt = SPARSE_ROWS.dealt(*shares)
    plan = sparse_plan(sync_every=2, sync_momentum=0.5, optimizer="momentum", learning_rate=0.1)
    same(fit(plan, dealt), densified(monkeypatch, plan, dealt))


def test_epochs_of_synchronous_steps_come_first() -> None:
    """The first outer step starts where they end, without momentum."""
    dealt, layers = ROWS.dealt(30, 30), (Dense(6, "tanh"), Dropout(0.2), Dense(CLASSES))
    together = fit(outer_plan(layers, sync_every=1), dealt)
    np.testing.assert_array_equal(fit(outer_plan(layers, sync_epochs=3), dealt).weights, together.weights)
    plain, later = (fit(outer_plan(layers, m, sync_epochs=2, sync_every=100), dealt) for m in (0.0, 0.5))
    np.testing.assert_allclose(later.weights, plain.weights, rtol=1e-5, atol=1e-6)  # one average only: u = x - mean
    whole = fit(outer_plan(layers, sync_epochs=1), dealt)
    parts = fit(replace(outer_plan(layers, sync_epochs=1), job_seconds=0.0), dealt)
    np.testing.assert_array_equal(parts.weights, whole.weights)


def test_the_memory_of_a_rank_has_two_vectors_more() -> None:
    plain, outer = (memory(outer_plan(momentum=m).recipe, 5) for m in (0.0, 0.5))
    size = Layout(outer_plan().recipe.scores_net()).size
    assert outer == replace(plain, vectors=plain.vectors + 2 * 4 * size)


def test_where_tau_is_chosen_the_steps_are_those_of_that_tau(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_sync, "steps_between", lambda *_: 6)
    dealt = ROWS.dealt(30, 30)
    found = fit(outer_plan(sync_every=0), dealt)
    np.testing.assert_array_equal(found.weights, fit(outer_plan(sync_every=6), dealt).weights)


def test_averages_that_no_row_has_weight_in_make_no_step() -> None:
    state = State.initial(plan_of(LINEAR).recipe.scores_net().layout, plan_of().recipe.optimizer, 1, False, True)
    assert OuterStep.of(plan_of(sync_every=3).recipe, state, 4) is None
    rows = replace(ROWS, weights=np.zeros(N, np.float32))
    rows.weights[:3] = 1
    plan = outer_plan(weighted=True, epochs=4)
    dealt = rows.dealt(30, 30)
    whole, parts = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert np.isfinite(whole.weights).all()
    np.testing.assert_array_equal(parts.weights, whole.weights)


@pytest.mark.parametrize("deal", [(25, 15, 0, 20), (40, 20)], ids=str)
def test_weights_in_blocks_cut_into_jobs_equal_the_uncut_fit(
    deal: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas of two blocks, and one."""
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    plan = replace(outer_plan((Dense(7, "relu"), BatchNorm(), Dense(6, "tanh"), Dense(CLASSES)), epochs=2), blocks=2)
    dealt = ROWS.dealt(*deal)
    whole, parts = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert (whole.jobs, parts.jobs > 3) == (1, True)
    np.testing.assert_array_equal(parts.weights, whole.weights)
    assert without_seconds(parts) == without_seconds(whole)
    plain = fit(with_recipe(plan, sync_momentum=0.0), dealt)
    assert np.abs(whole.weights - plain.weights).max() > 1e-4
