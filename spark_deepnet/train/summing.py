"""The sum of a step's vector over the ranks: gradients compressed as the recipe says, what stands behind them never."""

from __future__ import annotations

import numpy as np

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Sum


def summing(recipe: Recipe, channel: Channel, state: State) -> Sum:
    """How a step's vector is summed: gradients as many as the weights, and behind them its tail."""
    exact = AllReduce(channel, np.float32)
    if recipe.compression is None:
        return exact
    gradients, size = AllReduce(channel, np.float32, recipe.compression, state.residual), state.weights.size

    def in_two(vector: np.ndarray) -> None:
        gradients(vector[:size])
        exact(vector[size:])

    return in_two
