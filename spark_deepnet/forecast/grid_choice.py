"""``modelBlocks="auto"``: replicas and blocks by what they would cost, and what a worker can hold.

Everything is estimated from the network, nothing is timed: with as many slots of as much memory, the same fit takes the same
blocks again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import inf

from spark_deepnet.errors import ClusterError
from spark_deepnet.forecast.analytic import estimate
from spark_deepnet.forecast.cost import Costs, Link
from spark_deepnet.forecast.memory import memory
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.plan.storage import storage_error
from spark_deepnet.train.auto_sync import Seconds, fit_steps, steps_between
from spark_deepnet.train.loop import MIN_EVALUATION_ROWS

ROOM = 2 / 3
"""The part of a worker's memory that weights, gradients and activations may take; the rest is for rows, Python and Spark."""
NEARLY = 0.9
"""Fewer blocks are taken where they are nearly as fast as the fastest."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """One way to divide the workers, as estimated."""

    replicas: int
    blocks: int
    syncEvery: int
    memory: int
    """Bytes of a worker, beside its rows."""
    stepSeconds: float
    stepBytes: float
    """That a worker sends."""
    rowsPerSecond: float
    fits: bool
    """Whether the memory is there."""


def grids(recipe: Recipe, workers: int, exactly: bool = True) -> list[Grid]:
    """The ways to divide the workers, by blocks. Unless all workers must be used, some may be left over: each number of
    replicas then has as many blocks as there is room for. Optimizers that measure whole layers have one block."""
    blocks = [m for m in range(1, workers + 1) if workers % m == 0]
    if recipe.optimizer.layerwise:
        blocks = [1]
    elif not exactly:
        blocks = sorted({workers // replicas for replicas in range(1, workers + 1)})
    return [Grid(workers // m, m) for m in blocks]


def settled(recipe: Recipe, blocks: int) -> Recipe:
    """With blocks and syncEvery="auto", every step exchanges: a round takes the rows of one step however many it makes
    of them, so that more never make more rows a second."""
    return replace(recipe, sync_every=1) if blocks > 1 and recipe.sync_every == 0 else recipe


def tau_of(recipe: Recipe, grid: Grid, costs: Costs) -> int:
    """Steps between exchanges, as set or as they would be chosen; a single worker has none."""
    if grid.size == 1:
        return 1
    if recipe.sync_every:
        return recipe.sync_every
    steps = [costs.compute.at(rows) for rows in (costs.batch, costs.share(grid.replicas, 1))]
    seconds = Seconds(*steps, *(costs.exchange_seconds(grid.replicas, tau) for tau in (1, 2)))
    return steps_between(seconds, grid.replicas, fit_steps(recipe, costs.rows, grid.replicas, recipe.epochs))


def candidates(
    recipe: Recipe,
    among: Sequence[Grid],
    link: Link,
    limit: int | None,
    sparse: Collection[str] = (),
    training_rows: float = inf,
) -> tuple[Candidate, ...]:
    """What each would cost; limit: bytes of a worker's memory, None where nobody knows them; sparse: inputs whose rows
    are taken to be so; training_rows: how many there are, where that is known."""
    return tuple(_candidate(recipe, grid, link, limit, sparse, training_rows) for grid in among)


def _candidate(
    recipe: Recipe, grid: Grid, link: Link, limit: int | None, sparse: Collection[str], training_rows: float
) -> Candidate:
    recipe = settled(recipe, grid.blocks)
    costs = replace(estimate(recipe, grid.blocks, link, sparse), rows=training_rows)
    tau = tau_of(recipe, grid, costs)
    rows = max(costs.share(grid.replicas, tau), MIN_EVALUATION_ROWS if recipe.validated else 1)
    held = memory(recipe, rows, grid.blocks, sparse).total
    return Candidate(
        replicas=grid.replicas,
        blocks=grid.blocks,
        syncEvery=tau,
        memory=held,
        stepSeconds=costs.round_seconds(grid.replicas, tau) / tau,
        stepBytes=costs.exchanged(grid.replicas, tau)[1] / tau,
        rowsPerSecond=costs.rows_per_second(grid.replicas, tau),
        fits=limit is None or held <= ROOM * limit,
    )


def chosen(ways: Sequence[Candidate], limit: int | None) -> Candidate:
    """The fewest blocks that fit and are nearly as fast as the fastest."""
    fitting = [candidate for candidate in ways if candidate.fits]
    if not fitting:
        least = min(ways, key=lambda candidate: candidate.memory)
        raise ClusterError(
            f"modelBlocks: 'auto' found no number of blocks that fits: with {least.blocks} blocks a worker needs "
            f"{least.memory >> 20:,} MiB besides its rows; the limit is {ROOM:.0%} of {(limit or 0) >> 20:,} MiB; give more "
            f"workers, more memory, or a number of blocks"
        )
    best = max(candidate.rowsPerSecond for candidate in fitting)
    return next(candidate for candidate in fitting if candidate.rowsPerSecond >= NEARLY * best)


def choose(
    recipe: Recipe,
    workers: int,
    exactly: bool,
    limit: int | None,
    no_checkpoint_dir: bool = False,
    sparse: Collection[str] = (),
) -> Grid:
    """The grid of a fit; one whose weights could not stay on storage is the last resort. no_checkpoint_dir: there is no
    folder for them; sparse: inputs whose rows are taken to be so."""
    ways = candidates(recipe, grids(recipe, workers, exactly), Link(), limit, sparse)
    allowed = [c for c in ways if c.fits and storage_error(recipe, c.blocks, no_checkpoint_dir) is None]
    taken = chosen(allowed or ways, limit)
    _log.info(
        "fit: modelBlocks='auto' takes %d replicas of %d blocks: %d MiB a worker, %.0f rows/s estimated",
        *(taken.replicas, taken.blocks, taken.memory >> 20, taken.rowsPerSecond),
    )
    return Grid(taken.replicas, taken.blocks)
