"""What modelBlocks="auto" takes: by memory, and by what the estimated seconds say."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.data.schema import VECTOR, Columns, Source
from spark_deepnet.errors import ClusterError
from spark_deepnet.forecast.analytic import estimate
from spark_deepnet.forecast.cost import Link
from spark_deepnet.forecast.grid_choice import NEARLY, ROOM, candidates, choose, grids
from spark_deepnet.forecast.memory import memory, taken_sparse
from spark_deepnet.layers.dense import Dense
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.plan import Recipe
from tests.train.fits import plan_of

WIDE = (Dense(1024, "relu"), Dense(1024, "relu"), Dense(3))


def recipe_of(layers: Any = WIDE, **recipe: Any) -> Recipe:
    return plan_of(layers, entries=(InputSpec((1024,)),), **{"batch_size": 1024, "optimizer": "adam"} | recipe).recipe


def blocks_of(recipe: Recipe, limit: int | None, workers: int = 4) -> int:
    return choose(recipe, workers, True, limit).blocks


def test_workers_divide_into_all_grids() -> None:
    recipe = recipe_of()
    assert grids(recipe, 12) == [Grid(12), Grid(6, 2), Grid(4, 3), Grid(3, 4), Grid(2, 6), Grid(1, 12)]
    assert grids(recipe, 7) == [Grid(7), Grid(1, 7)]
    assert grids(recipe, 7, exactly=False) == [Grid(7), Grid(3, 2), Grid(2, 3), Grid(1, 7)]
    assert grids(recipe_of(optimizer="lamb"), 12) == [Grid(12)]


def test_as_few_blocks_are_taken_as_fit() -> None:
    """Rows are many, so each worker's products outweigh the exchange however the weights are cut."""
    recipe = recipe_of(batch_size=4)
    held = {m: memory(recipe, max(1, 4 * m // 4), m).total for m in (1, 2, 4)}
    assert held[1] > held[2] > held[4]
    found = {m: choose(recipe, 4, True, int(bytes_ / ROOM) + 1).blocks for m, bytes_ in held.items()}
    assert all(blocks >= m for m, blocks in found.items())
    assert found[4] == 4
    with pytest.raises(ClusterError, match=r"^modelBlocks: 'auto' found no number of blocks that fits: with 4 blocks"):
        choose(recipe, 4, True, int(held[4] / ROOM) - 10)


def test_blocks_without_a_place_to_stay_are_the_last_resort() -> None:
    """Above 64 MiB weights in blocks stay on storage, which needs a folder."""
    recipe = recipe_of((Dense(16_384, "relu"), Dense(1024), Dense(3)), batch_size=8)
    held = memory(recipe, 8, 1).total
    limits = None, int(held / ROOM) + 1, int(held / ROOM) // 2
    assert [choose(recipe, 4, True, limit).blocks > 1 for limit in limits] == [True, True, True]
    assert [choose(recipe, 4, True, limit, no_checkpoint_dir=True).blocks > 1 for limit in limits] == [
        False,
        False,
        True,
    ]
    small = recipe_of(batch_size=8)
    assert choose(small, 4, True, None, no_checkpoint_dir=True) == choose(small, 4, True, None), (
        "these come to the driver"
    )


def test_blocks_whose_start_every_worker_would_make_whole_are_the_last_resort() -> None:
    layers = Dense(32_768, "relu", initializer="orthogonal"), Dense(1024), Dense(3)
    recipe = recipe_of(layers, batch_size=8)
    held = memory(recipe, 8, 1).total
    limits = None, int(held / ROOM) + 1, int(held / ROOM) // 2
    assert [choose(recipe, 4, True, limit).blocks > 1 for limit in limits] == [False, False, True]


def test_sparse_rows_take_what_their_entries_do() -> None:
    """A dense batch of 2^20 features would take a GiB of each worker, and 16,384 times the products."""
    layers = Dense(64, "relu"), Dense(2)
    told: dict[str, Any] = {"entries": (InputSpec((1 << 20,)),), "batch_size": 1024, "optimizer": "adam"}
    recipe, columns = plan_of(layers, **told).recipe, Columns((Source((1 << 20,), kind=VECTOR),))
    with pytest.raises(ClusterError, match=r"^modelBlocks: "):
        choose(recipe, 4, True, 2 << 30)
    sparse = taken_sparse(recipe, columns)
    assert choose(recipe, 4, True, 2 << 30, sparse=sparse).size == 4
    for blocks in (1, 2, 4):
        dense, few = (estimate(recipe, blocks, Link(), s).compute.seconds for s in ((), sparse))
        assert (dense[1] - dense[0]) / (few[1] - few[0]) > 10_000
    assert taken_sparse(recipe, Columns((Source((1 << 20,)),))) == [], "arrays are dense"


def test_where_weights_outweigh_activations_blocks_exchange_less() -> None:
    """Of few rows a step, replicas would send all their gradients; of many, blocks would send all activations."""
    few, multi_input = recipe_of(batch_size=8), recipe_of(batch_size=100_000)
    for recipe, more in ((few, True), (multi_input, False)):
        one, two, *_ = candidates(recipe, grids(recipe, 4), Link(), None)
        assert (two.stepBytes < one.stepBytes) == more
        assert (two.rowsPerSecond > one.rowsPerSecond) == more
    assert (blocks_of(few, None) > 1, blocks_of(multi_input, None)) == (True, 1)


def test_the_fewest_that_are_nearly_as_fast_are_taken() -> None:
    for batch in (8, 64, 512, 4096):
        recipe = recipe_of(batch_size=batch)
        found = candidates(recipe, grids(recipe, 8), Link(), None)
        best = max(c.rowsPerSecond for c in found)
        expected = next(c.blocks for c in found if c.rowsPerSecond >= NEARLY * best)
        assert blocks_of(recipe, None, workers=8) == expected


def test_steps_between_exchanges_are_found_for_whole_replicas_only() -> None:
    one, *blocks = candidates(recipe_of(sync_every=0), grids(recipe_of(), 4), Link(latency=1.0), None)
    assert one.syncEvery > 1
    assert [c.syncEvery for c in blocks] == [1, 1]
    set_by_user = candidates(recipe_of(sync_every=7), grids(recipe_of(), 4), Link(), None)
    assert [c.syncEvery for c in set_by_user] == [7, 7, 7]


def test_a_lonely_worker_holds_all() -> None:
    (alone,) = candidates(recipe_of(), grids(recipe_of(), 1), Link(), None)
    assert (alone.replicas, alone.blocks, alone.stepBytes) == (1, 1, 0)
    assert alone.fits
