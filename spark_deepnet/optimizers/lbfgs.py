"""L-BFGS: quasi-Newton steps over all rows at once (Liu and Nocedal, Mathematical Programming 45, 1989)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.optimizers.optimizer import Optimizer

PAIRS = 10
"""Iterations that are remembered."""
Pair = tuple[np.ndarray, np.ndarray]
"""(s, y): of one iteration, how far the weights moved, and by how much the gradient changed."""


@dataclass(frozen=True, repr=False)
class Lbfgs(Optimizer, kind="lbfgs"):
    """w += t p,   p = -H g,   t by a line search under Wolfe's conditions

    H approximates the inverse of the Hessian from the last 10 iterations. An iteration is one epoch: it passes over all
    training rows once or a few times, exchanging gradients once a pass. For small networks on tables whose rows are few
    enough for that; it has no learning rate. Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4.
    """

    vectors: ClassVar[tuple[str, ...]] = tuple(f"{name}{k}" for name in "sy" for k in range(PAIRS))
    full_batch: ClassVar[bool] = True

    def direction(self, g: np.ndarray, pairs: Iterable[Pair]) -> np.ndarray:
        """p = -H g in float64. g: (n,), the gradient; pairs: of earlier iterations, the latest first; those whose s'y is
        not above 0 are left out, so that p descends."""
        p, kept = -g.astype(np.float64), []
        for s, y in pairs:
            s, y = s.astype(np.float64), y.astype(np.float64)
            if (curvature := float(s @ y)) > 0:
                alpha = float(s @ p) / curvature
                p -= alpha * y
                kept.append((s, y, curvature, alpha))
        if kept:
            _, y, curvature, _ = kept[0]
            p *= curvature / float(y @ y)
        for s, y, curvature, alpha in reversed(kept):
            p += (alpha - float(y @ p) / curvature) * s
        return p
