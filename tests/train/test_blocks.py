"""Fits whose weights are cut into blocks, alone and under replicas: the same as of the whole network, to rounding."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.decode.features import Faults
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.replicate import shared
from spark_deepnet.data.table import Dense as DenseRows
from spark_deepnet.data.table import Sparse, Table
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.net import cut
from spark_deepnet.plan.grid import Grid
from spark_deepnet.train import loop
from spark_deepnet.train.messages import raise_worker_error
from tests.exchange.ranks import results
from tests.train.fits import CLASSES, Fit, N, Rows, fit, messages_of, plan_of, run_ranks
from tests.train.test_jobs import same_history

ROWS = Rows.drawn()
DEEP = (Dense(7, "relu"), BatchNorm(), Dropout(0.2), Dense(6, "tanh"), Dense(CLASSES))
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "row weights and validation": {"weighted": True, "validated": True, "batch_size": 16},
    "adam, dropout and batch norm": {
        "layers": DEEP, "optimizer": {"kind": "adam", "epsilon": 1e-3}, "learning_rate": 0.02, "batch_size": 20,
    },
    "decay and clipping": {"layers": DEEP, "l1": 0.01, "l2": 0.05, "clip_norm": 0.1, "optimizer": "momentum"},
}  # fmt: skip
GRIDS = [(1, 2), (1, 3), (2, 2), (1, 4), (3, 2)]


@pytest.fixture(autouse=True)
def cut_small_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)


WHOLE: dict[tuple[str, int], Fit] = {}


def dealt(size: int) -> Any:
    """Uneven shares; one rank has no row."""
    shares = [0, *np.diff(np.linspace(0, N, size).astype(int))] if size > 1 else [N]
    return ROWS.dealt(*map(int, shares))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("replicas", "blocks"), GRIDS)
def test_a_fit_in_blocks_equals_the_fit(name: str, replicas: int, blocks: int) -> None:
    """Rows are dealt to replicas; of one replica, the order of a step's rows is that of the whole fit."""
    plan = plan_of(**{"epochs": 4, "batch_size": 1000} | RECIPES[name])
    shares = dealt(replicas * blocks)
    joined = [
        [frame for r in own for frame in shares[r]] for own in map(Grid(replicas, blocks).of_replica, range(replicas))
    ]
    whole = fit(plan, joined)
    found = fit(replace(plan, blocks=blocks), shares)
    np.testing.assert_allclose(found.weights, whole.weights, rtol=1e-4, atol=1e-5)
    for a, b in zip(found.history, whole.history, strict=True):
        for key in a.keys() - {"seconds", "rowsPerSecond"}:
            assert a[key] == pytest.approx(b[key], rel=1e-4), key


@pytest.mark.parametrize("validated", [False, True], ids=["", "validated"])
def test_a_fit_in_blocks_cut_into_jobs_equals_the_uncut_one(validated: bool) -> None:
    plan = replace(plan_of(DEEP, batch_size=30, optimizer="adam", epochs=3, validated=validated), blocks=2)
    whole, cut_up = fit(plan, dealt(4)), fit(replace(plan, job_seconds=0.0), dealt(4))
    assert (whole.jobs, cut_up.jobs) == (1, whole.clock["count"])
    np.testing.assert_array_equal(cut_up.weights, whole.weights)
    same_history(cut_up.history, whole.history)


@pytest.mark.parametrize("world", ["memory", "sockets"])
def test_over_sockets_and_again_the_bits_are_the_same(world: str) -> None:
    plan = replace(plan_of(DEEP, batch_size=30, optimizer="adam"), blocks=2)
    np.testing.assert_array_equal(fit(plan, dealt(4), world).weights, fit(plan, dealt(4)).weights)


def test_every_block_tells_the_same_error() -> None:
    plan = replace(plan_of(learning_rate=1e39, batch_size=16), blocks=2)
    for frame in run_ranks(plan, dealt(4)):
        with pytest.raises(ArithmeticError, match="loss became NaN or infinite in epoch 1, step 2"):
            raise_worker_error(messages_of(frame))


def test_every_block_tells_of_weights_that_one_has_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count()
    monkeypatch.setattr(loop, "all_finite", lambda weights: next(asked) > 0)
    for frame in run_ranks(replace(plan_of(), blocks=2), dealt(2)):
        with pytest.raises(ArithmeticError, match="weights became NaN or infinite in epoch 1"):
            raise_worker_error(messages_of(frame))


def tables() -> list[Table]:
    """Of three ranks, the last without rows."""
    rng = np.random.default_rng(0)
    found = []
    for n in (4, 3, 0):
        sparse = Sparse(np.arange(n + 1) * 2, rng.integers(0, 9, 2 * n).astype(np.int32), rng.random(2 * n), 9)
        steps = np.concatenate([[0], np.cumsum(rng.integers(1, 4, n))]).astype(np.int64)
        features = {
            "images": DenseRows(rng.integers(0, 255, (n, 5)).astype(np.uint8)),
            "words": sparse,
            "steps": Ragged(rng.random((int(steps[-1]), 2)).astype(np.float32), steps),
        }
        targets = rng.random((n, 2)).astype(np.float32), features["steps"]
        found.append(Table(features, targets, np.ones(n, np.float32), rng.random(n) < 0.5))
    return found


def test_rows_of_every_kind_are_shared() -> None:
    parts = tables()
    faults = [Faults({"bad": 1}), Faults(), Faults({"bad": 2, "worse": 1})]
    expected = Table.joined(parts)

    def job(channel: Channel) -> list[Table]:
        return list(shared([parts[channel.rank]], faults[channel.rank], channel))

    for found in results("memory", 3, job):
        (table,) = found
        np.testing.assert_array_equal(table.keys(), expected.keys())
        for name, features in expected.features.items():
            assert type(table.features[name]) is type(features)
            for key, value in vars(features).items():
                np.testing.assert_array_equal(getattr(table.features[name], key), value)
                assert getattr(getattr(table.features[name], key), "dtype", None) == getattr(value, "dtype", None)
        np.testing.assert_array_equal(table.validation, expected.validation)
    assert faults == [{"bad": 3, "worse": 1}] * 3


def test_ranks_with_more_tables_than_others_share_them_all() -> None:
    parts = tables()
    own = [[parts[0], parts[1]], [], [parts[1]]]

    def job(channel: Channel) -> list[Table]:
        return list(shared(own[channel.rank], Faults(), channel))

    for found in results("memory", 3, job):
        assert [len(table) for table in found] == [7, 3]
        np.testing.assert_array_equal(Table.joined(found).keys(), Table.joined([*parts[:2], parts[1]]).keys())


def test_a_grid_has_every_rank_once() -> None:
    grid = Grid(3, 4)
    assert sorted(r for replica in range(3) for r in grid.of_replica(replica)) == list(range(12))
    assert sorted(r for block in range(4) for r in grid.of_block(block)) == list(range(12))
    for rank in range(12):
        assert rank in grid.of_replica(grid.replica(rank))
        assert rank in grid.of_block(grid.block(rank))
