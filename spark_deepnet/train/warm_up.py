"""Compiles the kernels of a fit before its first step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import numpy as np

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.dummy import dummy_table
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.kernels.cache import KernelCache
from spark_deepnet.kernels.jit import CACHE_DIR
from spark_deepnet.kernels.tiles import TILE_ROWS
from spark_deepnet.layers.layer import Call
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.block import Block
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper

NOTICE_SECONDS = 5.0
"""Seconds after which a rank says why it has not begun."""
SECONDS = 10.0
"""What a network takes on a quiet core."""
_log = logging.getLogger(__name__)


def warm_up(plan: TrainPlan, number: int = 0) -> None:
    """Load or compile every kernel that the block's steps will call, on rows of zeros, of one step where rows are
    sequences: as many as the kernels need that are for whole batches."""
    with _notice():
        _step(plan, number, max(1, min(TILE_ROWS, plan.recipe.batch_size // plan.grid.replicas)))


def _step(plan: TrainPlan, number: int, n: int) -> None:
    recipe = plan.recipe
    block = Block.of(recipe, NullChannel(number, plan.blocks))
    state = State.initial(block.net.layout, recipe.optimizer, recipe.seed, False)
    table = dummy_table(plan.columns, n)
    single_rank = memory_channels(1, 1.0)[0]
    stepper = Stepper(recipe, state, n, Call.total, Call.total, Meter(), block, single_rank)
    stepper.step(table, table.keys(), np.arange(n), np.ones(len(stepper.heads)), 0.0, False)
    stepper.evaluate(InMemoryDataset.all_of(table))


@contextmanager
def _notice() -> Iterator[None]:
    """Say once, after a while, what takes so long."""
    timer = Timer(NOTICE_SECONDS, _say, (KernelCache.misses,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(misses: int) -> None:
    if KernelCache.misses > misses:
        _log.warning("compiling kernels for the first time: some %g s; kept in %s for later fits", SECONDS, CACHE_DIR)
