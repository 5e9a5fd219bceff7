"""A step of all replicas from their last mean to the next, with momentum of its own (block momentum, slow momentum)."""

from __future__ import annotations

import numpy as np

from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.state import State


class OuterStep:
    """u <- syncMomentum u + (x - mean),   x <- x - syncRate u

    x: the weights from which the replicas made their local steps; mean: of their weights after these; u starts at 0.
    syncMomentum 0 and syncRate 1 make it the plain mean, for which no step is made. Every replica makes the same step from
    the same numbers, so nothing is exchanged. Weights that no optimizer moves, such as running statistics, become the plain
    mean.

    Chen and Huo (ICASSP 2016), whose block learning rate is syncRate; SlowMo, Wang et al. (arXiv 1910.00643), whose u is
    this one over the learning rate, while that is constant."""

    def __init__(self, state: State, moving: int, momentum: float, rate: float) -> None:
        """moving: up to here optimizers move the weights."""
        assert state.outer is not None
        self.weights, self.u = state.weights[:moving], state.outer[:moving]
        self.momentum, self.rate = np.float32(momentum), np.float32(rate)
        self.last = self.weights.copy()

    @staticmethod
    def of(recipe: Recipe, state: State, moving: int) -> OuterStep | None:
        """None: the weights become the plain mean."""
        return OuterStep(state, moving, recipe.sync_momentum, recipe.sync_rate) if recipe.outer_steps else None

    def begin(self) -> None:
        """Remember where the local steps start."""
        self.last[:] = self.weights

    def __call__(self) -> None:
        """The weights, now the mean, become those after the step."""
        x, w, u = self.last, self.weights, self.u
        np.subtract(x, w, out=w)
        u *= self.momentum
        u += w
        np.multiply(u, self.rate, out=w)
        np.subtract(x, w, out=w)
