"""What an optimizer is: one fused step over flat vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.registry import Member


@dataclass(frozen=True, repr=False)
class Optimizer(Member, family="optimizers"):
    """The base of all optimizers. The gradients that a step gets are those of the mean loss, with L1 and L2 decay and
    clipping already in them.

    Their loops are compiled without fastmath: memory sets their speed anyway, and a vector stepped in runs equals the
    vector stepped whole, bit for bit.
    """

    vectors: ClassVar[tuple[str, ...]] = ()
    """The names of the vectors, each as long as the weights, that it keeps between steps."""
    layerwise: ClassVar[bool] = False
    """Whether it needs each weight array in a call of its own (lamb), rather than any run of the flat vector."""

    @property
    def by_row(self) -> bool:
        """Whether a gradient of 0 leaves a weight and its vectors as they are, or is meant to: then weights of which a step
        sees few rows are stepped by these rows alone."""
        return False

    def start(self) -> tuple[float, ...]:
        """What each of its vectors is filled with before the first step."""
        return (0.0,) * len(self.vectors)

    def step(
        self, w: np.ndarray, g: np.ndarray, state: tuple[np.ndarray, ...], rate: float, count: int, decays: bool
    ) -> None:
        """Change the weights w by their gradients g, both flat.

        state: the vectors, in their order; rate: the learning rate of this step; count: the number of this step, from
        1; decays: whether the optimizer's own weight decay (adamw, lamb) reaches these weights.
        """
        raise NotImplementedError
