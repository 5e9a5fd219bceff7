"""What ends a fit before its first step: the same sentence on every rank."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.errors import DataError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.dataset_stats import DatasetStats, take_stats
from tests.data.shards import read_shard
from tests.exchange.ranks import together
from tests.train.fits import N, Rows, plan_of

ROWS = Rows.drawn()
EMPTY = Rows(ROWS.x[:0], ROWS.y[:0], ROWS.weights[:0], ROWS.validation[:0])
WEIGHTLESS = replace(ROWS, weights=np.zeros(N, np.float32))
HELD = replace(ROWS, validation=np.ones(N, bool))
TRAINED = replace(ROWS, validation=np.zeros(N, bool))
LIGHT = replace(ROWS, weights=np.where(ROWS.validation, 0, 1).astype(np.float32))


def stats(plan: TrainPlan, rows: Rows, *deal: int) -> list[Any]:
    dealt = rows.dealt(*deal)

    def job(channel: Channel) -> DatasetStats:
        return take_stats(read_shard(dealt[channel.rank], plan.columns), channel, plan)

    return together("memory", len(deal), job)


REFUSED = [
    (plan_of(), EMPTY, (0,), "fit: the DataFrame has no rows to train on; give at least one"),
    (plan_of(), EMPTY, (0, 0, 0), "fit: the DataFrame has no rows to train on; give at least one"),
    (plan_of(validated=True), HELD, (20, 40), "no rows to train on, all of them marked for validation; give"),
    (plan_of(weighted=True), WEIGHTLESS, (20, 40), "column 'w': all row weights are 0; at least one must be above 0"),
    (plan_of(validated=True), TRAINED, (N, 0), "column 'v': no row (of a weight above 0) is true"),
    (plan_of(validated=True, weighted=True), LIGHT, (N, 0), "column 'v': no row (of a weight above 0) is true"),
    (replace(plan_of(), fingerprint="0" * 16), ROWS, (20, 40), "gave other rows than in the job before"),
    (plan_of(), replace(ROWS, y=ROWS.y + 0.5), (20, 40), "fractional labels such as"),
]


@pytest.mark.parametrize(("plan", "rows", "deal", "sentence"), REFUSED, ids=[r[3][:40] for r in REFUSED])
def test_every_rank_gets_the_same_error(plan: TrainPlan, rows: Rows, deal: tuple[int, ...], sentence: str) -> None:
    found = stats(plan, rows, *deal)
    assert {type(error) for error in found} == {DataError}
    (told,) = {str(error) for error in found}
    assert sentence in told


@pytest.mark.parametrize("deal", [(N,), (20, 40), (0, 15, 45, 0)], ids=str)
def test_every_rank_gets_the_same_census(deal: tuple[int, ...]) -> None:
    plan = plan_of(weighted=True, validated=True)
    weight = float(ROWS.weights[ROWS.validation].sum())
    (alone,) = stats(plan, ROWS, N)
    assert (alone.rows, alone.validation_rows, alone.validation_weights) == (45, 15, (weight,))
    for found in stats(plan, ROWS, *deal):
        assert found == alone
    assert stats(replace(plan, fingerprint=alone.fingerprint), ROWS, *deal) == [alone] * len(deal)


def test_faults_of_one_sentence_add_up_over_the_ranks() -> None:
    y = ROWS.y.copy()
    y[::2] = 9
    for error in stats(plan_of(), replace(ROWS, y=y), 20, 30, 10):
        assert str(error).endswith("(30 found)")
