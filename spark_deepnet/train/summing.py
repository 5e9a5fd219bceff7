"""The sum of a step's vector over the ranks: gradients compressed as the recipe says, what stands behind them never."""

from __future__ import annotations

from math import ceil

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce, Compression
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.half import Half
from spark_deepnet.exchange.top_k import TopK
from spark_deepnet.plan.plan import FP16, TOPK, Recipe
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Sum


def summing(recipe: Recipe, channel: Channel, state: State) -> Sum:
    """How a step's vector is summed: gradients as many as the weights, and behind them its tail."""
    exact, compression = AllReduce(channel, np.float32), _compression(recipe, state)
    if compression is None:
        return exact
    gradients, size = AllReduce(channel, np.float32, compression), state.weights.size

    def in_two(vector: np.ndarray) -> None:
        gradients(vector[:size])
        exact(vector[size:])

    return in_two


def _compression(recipe: Recipe, state: State) -> Compression | None:
    if recipe.compression == FP16:
        return Half()
    if recipe.compression == TOPK:
        size = state.weights.size
        return TopK(size, ceil(recipe.ratio * size), state.residual)
    return None
