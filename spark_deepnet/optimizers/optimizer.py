"""The base of optimizers: one fused step over flat vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Optimizer(Member, family="optimizers"):
    """The base of all optimizers. The gradients of a step are those of the mean loss, with L1 and L2 decay and clipping
    already applied.

    Their loops are compiled without fastmath: memory limits their speed anyway, and updating a vector in parts equals
    updating it whole, bit for bit.
    """

    vectors: ClassVar[tuple[str, ...]] = ()
    """The names of the vectors, each as long as the weights, that the optimizer keeps between steps."""
    layerwise: ClassVar[bool] = False
    """Whether it needs one call per weight array (lamb), rather than per stretch of the flat vector."""

    full_batch: ClassVar[bool] = False
    """Whether it steps over all rows at once, by a line search (train/full_batch.py), and has no ``step``."""

    @property
    def by_row(self) -> bool:
        """Whether a gradient of 0 leaves a weight and its vectors unchanged, or is meant to: then a step that uses few
        rows of a weight updates only these rows."""
        return False

    def start(self) -> tuple[float, ...]:
        """The initial value of each vector."""
        return (0.0,) * len(self.vectors)

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: float
    ) -> None:
        """Update the weights w with their gradients g, both flat.

        state: the vectors, in their order; rate: the learning rate of this step; count: the number of this step, from
        1; decays: the factor of the optimizer's own weight decay (adamw, lamb) for these weights; 0: there is none.
        """
        raise NotImplementedError
