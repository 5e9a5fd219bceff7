"""Local steps on each replica, and the mean of their weights every tau steps (Moritz et al., SparkNet, arXiv 1511.06051)."""

from __future__ import annotations

import numpy as np

from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.outer_step import OuterStep
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Sum

KEEP, AVERAGE, RESET = "keep", "average", "reset"
STATES = (KEEP, AVERAGE, RESET)


class Averaging:
    """w = sum_k m_k w_k / sum_k m_k,   m_k: the weight of the rows that replica k has seen since the last average.

    One exchange of N weights, in place; where the optimizer's vectors are averaged too, one more for each. outer: the step
    that is made from the last mean to this one; None: the weights become the mean."""

    def __init__(
        self, recipe: Recipe, state: State, all_reduce: Sum, varying: int, outer: OuterStep | None = None
    ) -> None:
        """varying: from here on the weights are the same on all replicas, and stay as they are."""
        self.recipe, self.state, self.all_reduce, self.varying = recipe, state, all_reduce, varying
        self.outer = outer
        self.steps = 0
        """Local steps since the last average."""
        self.own = self.all = 0.0

    def begin(self) -> None:
        """Before a local step, the first since the last average or a later one."""
        if self.outer is not None and not self.steps:
            self.outer.begin()

    def note(self, own: float, of_all: float) -> None:
        """Count a local step: the weight of its rows here, and on all replicas."""
        self.steps += 1
        self.own += own
        self.all += of_all

    def __call__(self, several: bool) -> None:
        """Set the weights of every replica to the mean, where there are several replicas, and make the outer step."""
        if self.all > 0 and (several or self.outer is not None):
            share = np.float32(self.own / self.all)
            for vector in averaged(self.recipe, self.state):
                vector = vector[: self.varying]
                vector *= share
                self.all_reduce(vector)
            if self.outer is not None:
                self.outer()
            if self.recipe.sync_state == RESET:
                restart(self.recipe, self.state)
        self.steps, self.own, self.all = 0, 0.0, 0.0


def averaged(recipe: Recipe, state: State) -> list[np.ndarray]:
    """The vectors that become the mean of all replicas."""
    return [state.weights, *(state.vectors if recipe.sync_state == AVERAGE else [])]


def restart(recipe: Recipe, state: State) -> None:
    """The optimizer as before its first step."""
    for vector, value in zip(state.vectors, recipe.optimizer.start(), strict=True):
        vector.fill(value)
    state.clock.restarted = state.clock.count
