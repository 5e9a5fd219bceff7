"""Steps of an epoch: every row once, whatever the ranks hold."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.sampler import Epoch, largest_share, steps_of
from spark_deepnet.data.table import Dense, Table
from spark_deepnet.net.net import INPUT

DEALS = [[10], [100, 100], [5, 0], [0, 0, 7], [1, 1, 1, 1], [90, 9, 1], [33, 34, 33, 0], [250, 250, 250, 250]]
BATCHES = [1, 2, 3, 7, 32, 1000]
each_deal = pytest.mark.parametrize("deal", DEALS, ids=str)
each_batch = pytest.mark.parametrize("batch", BATCHES)


def table_of(n: int) -> Table:
    """Rows of which half have no weight."""
    weights = np.random.default_rng(n).random(n).astype(np.float32)
    weights[: n // 2] = 0
    x = Dense(np.arange(n, dtype=np.float32)[:, None])
    return Table({INPUT: x}, (np.zeros(n, np.int32),), weights, np.zeros(n, bool))


def epochs(deal: list[int], batch: int, seed: int = 1, epoch: int = 0) -> list[Epoch]:
    rows = [InMemoryDataset.all_of(table_of(n)) for n in deal]
    return [Epoch(own, sum(deal), batch, seed, epoch, rank, len(deal)) for rank, own in enumerate(rows)]


@each_deal
@each_batch
def test_an_epoch_sees_every_row_once_in_the_same_number_of_steps(deal: list[int], batch: int) -> None:
    found = epochs(deal, batch)
    assert {e.steps for e in found} == {steps_of(sum(deal), batch)}
    for n, e in zip(deal, found, strict=True):
        seen = np.concatenate([e.rows(step).rows for step in range(e.steps)])
        assert sorted(seen.tolist()) == list(range(n))


@each_deal
@each_batch
def test_shares_are_proportional_and_fit_the_buffers(deal: list[int], batch: int) -> None:
    for n, e in zip(deal, epochs(deal, batch), strict=True):
        shares = [len(e.rows(step).rows) for step in range(e.steps)]
        assert max(shares) <= largest_share(n, sum(deal), batch)
        assert max(shares) - min(shares) <= 1


@each_deal
@each_batch
def test_a_step_takes_the_batch_or_a_little_more_where_rows_are_dealt_unevenly(deal: list[int], batch: int) -> None:
    found = epochs(deal, batch)
    sizes = [sum(len(e.rows(step).rows) for e in found) for step in range(found[0].steps)]
    spare = 0 if len(set(deal)) == 1 else len(deal) - 1
    assert max(sizes) <= batch + spare
    if not spare:
        assert min(sizes) >= sum(deal) // found[0].steps


@each_deal
@each_batch
def test_weight_sums_are_those_of_the_rows(deal: list[int], batch: int) -> None:
    for n, e in zip(deal, epochs(deal, batch), strict=True):
        weights = table_of(n).weights
        expected = [weights[e.rows(step).rows].sum(dtype=np.float64) for step in range(e.steps)]
        np.testing.assert_allclose(e.weight_sums(), [expected], rtol=1e-12, atol=1e-12)


def test_rows_of_weight_0_sum_to_0_exactly() -> None:
    (e,) = epochs([9], 1)
    weights = np.array([table_of(9).weights[e.rows(step).rows].item() for step in range(9)])
    assert 0 < (weights == 0).sum() < 9
    assert ((e.weight_sums()[0] == 0) == (weights == 0)).all()


def test_seed_epoch_and_rank_each_give_another_order() -> None:
    def order(seed: int, epoch: int, rank: int) -> list[int]:
        e = Epoch(InMemoryDataset.all_of(table_of(50)), 100, 10, seed, epoch, rank, 2)
        return [number for step in range(e.steps) for number in e.rows(step).rows.tolist()]

    found = [order(1, 0, 0), order(2, 0, 0), order(1, 1, 0), order(1, 0, 1)]
    assert len({tuple(o) for o in found}) == 4
    assert order(1, 0, 0) == found[0]


@pytest.mark.parametrize(("total", "batch", "steps"), [(10, 3, 4), (9, 3, 3), (1, 100, 1), (0, 5, 1)])
def test_steps_are_the_fewest_that_hold_all_rows(total: int, batch: int, steps: int) -> None:
    assert steps_of(total, batch) == steps
