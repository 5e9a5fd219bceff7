"""Rows in the order of a column: step s takes rows s B .. s B + B - 1, round and round, whoever has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.decode.faults import Faults
from spark_deepnet.data.decode.targets import order_of
from spark_deepnet.data.ordered import OrderedEpoch, largest_ordered_share
from spark_deepnet.data.schema import Columns
from spark_deepnet.errors import DataError
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net import cut
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.run import Runner
from spark_deepnet.plan.plan import ANY_EPOCHS, TrainPlan
from spark_deepnet.schedules.inverse import Inverse
from tests.data.frames import sources
from tests.data.shards import read_shard
from tests.train.fits import Rows, fit, plan_of

N, STEPS, RATE = 60, 11, 0.2
ROWS = Rows.drawn(N)
NUMBERS = np.random.default_rng(5).permutation(N) * 7 - 100
"""Of the rows as they come."""
SCHEDULE = Inverse(0.01, unit="rows")


def plan(batch: int, steps: int = STEPS, **recipe: Any) -> TrainPlan:
    told = {"optimizer": "momentum", "learning_rate": RATE, "schedule": SCHEDULE, "epochs": ANY_EPOCHS, "ordered": "n"}
    made = plan_of(batch_size=batch, max_steps=steps, weighted=True, **told | recipe)
    return replace(made, columns=replace(made.columns, order="n"))


def dealt(*shares: int, numbers: np.ndarray = NUMBERS) -> list[list[pd.DataFrame]]:
    frame = ROWS.frame().assign(order=numbers)
    parts = np.split(np.random.default_rng(1).permutation(N), np.cumsum(shares)[:-1])
    return [[frame.iloc[part[:7]], frame.iloc[part[7:]]] for part in parts]


def by_hand(batch: int) -> np.ndarray:
    recipe, order = plan(batch).recipe, np.argsort(NUMBERS)
    net = recipe.scores_net()
    weights = net.layout.init_weights(recipe.seed)
    runner, speed = Runner(net, weights, batch), np.zeros_like(weights)
    for step in range(STEPS):
        rows = order[(step * batch + np.arange(batch)) % N]
        runner.feed(batch)[INPUT][...] = ROWS.x[rows]
        scores = runner.forward(batch, True)
        share = (ROWS.weights[rows] / ROWS.weights[rows].sum()).astype(np.float32)
        SoftmaxCrossEntropy().measure(scores, ROWS.y[rows].astype(np.int32), share, runner.gradient(batch))
        runner.backward(batch)
        speed = np.float32(0.9) * speed + np.float32(SCHEDULE.rate(RATE, step * batch, N, 1)) * runner.gradients
        weights -= speed
    return weights


@pytest.mark.parametrize(
    ("shares", "blocks"), [((60,), 1), ((25, 35), 1), ((0, 40, 20), 1), ((30, 30), 2), ((10, 20, 0, 30), 2)], ids=str
)
@pytest.mark.parametrize(
    ("batch", "spills"),
    [*((batch, False) for batch in (16, 20, 60, 100, 130)), (16, True), (130, True)],
    ids=lambda value: {False: "in memory", True: "spilled"}.get(value, str(value)),
)
def test_every_batch_is_the_next_rows_round_and_round(
    batch: int, shares: tuple[int, ...], blocks: int, spills: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    told = replace(plan(batch), blocks=blocks, row_memory=700 if spills else 0)
    found = fit(told, dealt(*shares))
    np.testing.assert_allclose(found.weights, by_hand(batch), rtol=2e-4, atol=2e-5)
    assert found.clock["made"] == STEPS
    assert bool(max(row["spilledBytes"] for row in found.measures)) == spills
    again = fit(replace(told, job_seconds=0.0), dealt(*shares))
    np.testing.assert_array_equal(again.weights, found.weights)


def test_local_steps_and_validation_rows_go_with_it() -> None:
    found = fit(plan(10, sync_every=2, validated=True), dealt(25, 35))
    assert found.clock["made"] == STEPS
    assert found.losses()[-1] < found.losses()[0]


def test_rows_of_the_same_number_are_refused_on_every_rank() -> None:
    numbers = NUMBERS.copy()
    numbers[:4] = numbers[10]
    with pytest.raises(
        DataError, match="orderCol: column 'n' does not say in which order rows come: 4 have the number"
    ):
        fit(plan(10), dealt(25, 35, numbers=numbers))


@pytest.mark.parametrize(
    "values",
    [
        [3, -1, 0, 2**62, -(2**62)],
        [0.5, -0.5, np.inf, -np.inf, 1e-300, 0.0, -1e300, 3.0],
        [True, False],
        [2**53 + 1, 2**53, 2**53 + 2],
    ],
)
def test_numbers_keep_their_order(values: Any) -> None:
    columns = Columns(sources(3), order="n")
    found = order_of(pd.DataFrame({"order": values}), columns, Faults())
    assert found is not None
    np.testing.assert_array_equal(np.argsort(found), np.argsort(values))


def test_rows_without_a_number_are_counted() -> None:
    faults, columns = Faults(), Columns(sources(3), order="n")
    order_of(pd.DataFrame({"order": [1.0, None, np.nan, 4.0]}), columns, faults)
    assert dict(faults) == {"column 'n': null or NaN, but rows come in its order; give every row a number": 2}
    assert order_of(pd.DataFrame({"x": [1.0]}), Columns(sources(3)), faults) is None


@pytest.mark.parametrize(("total", "batch"), [(60, 16), (60, 60), (60, 7), (60, 100), (60, 240), (61, 64)])
def test_epochs_follow_each_other_without_gap(total: int, batch: int) -> None:
    places = np.sort(np.random.default_rng(2).permutation(total)[: total // 3])
    frame = ROWS.frame(np.arange(len(places))).assign(order=np.arange(len(places)))
    rows = read_shard([frame], replace(plan(batch).columns, weight=None)).train
    step, largest = 0, largest_ordered_share(places, total, batch)
    for number in range(9):
        epoch = OrderedEpoch(rows, places, total, batch, number)
        assert epoch.first == step
        assert epoch.steps > 0
        sums = epoch.weight_sums()
        for k in range(epoch.steps):
            wanted = (step * batch + np.arange(batch)) % total
            count = int(np.isin(wanted, places).sum())
            assert len(epoch.rows(k).rows) == count <= largest
            assert sums[0, k] == count
            step += 1
    assert largest_ordered_share(places[:0], total, batch) == 0
