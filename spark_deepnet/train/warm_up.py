"""Compiles the kernels of a fit before its first step."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.dummy import dummy_table
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.exchange.null_channel import NullChannel
from spark_deepnet.layers.layer import Call
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.block import Block
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper


def warm_up(plan: TrainPlan, number: int = 0) -> None:
    """Load or compile every kernel that the block's steps will call, on one row of zeros, of one step where rows are
    sequences."""
    recipe = plan.recipe
    block = Block.of(recipe, NullChannel(number, plan.blocks))
    state = State.initial(block.net.layout, recipe.optimizer, recipe.seed, False)
    table = dummy_table(plan.columns, 1)
    single_rank = memory_channels(1, 1.0)[0]
    stepper = Stepper(recipe, state, 1, Call.total, Call.total, Meter(), block, single_rank)
    stepper.step(table, table.keys(), np.zeros(1, np.int64), np.ones(len(stepper.heads)), 0.0, False)
    stepper.evaluate(InMemoryDataset.all_of(table))
