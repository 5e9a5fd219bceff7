"""R2: the share of the targets' variance that is explained (coefficient of determination)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfNumbers

WEIGHT, MEAN, SQUARES, ERRORS = range(4)


@dataclass(frozen=True, repr=False)
class R2(OfNumbers, kind="r2"):
    """1 - sum_n w_n (y_n - t_n)^2 / sum_n w_n (t_n - mean t)^2; of several targets the mean of theirs. y: predictions, after
    the loss's link. NaN where all targets are equal."""

    def part(self, rows: ScoredRows) -> np.ndarray:
        """(4, k): weight, mean of the targets, squares of their distances from it, squares of the errors."""
        weight = rows.weights.sum()
        mean = rows.weights @ rows.targets / weight if weight else np.zeros(rows.targets.shape[1])
        squares, errors = (rows.weights @ (rows.targets - other) ** 2 for other in (mean, rows.linked))
        return np.array([np.full_like(mean, weight), mean, squares, errors])

    def merged(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Around the common mean (Chan, Golub and LeVeque, 1979), so that a large mean costs no digits."""
        each = np.array(parts)
        weight = each[:, WEIGHT].sum(0)
        shares = np.divide(each[:, WEIGHT], weight, out=np.zeros_like(each[:, WEIGHT]), where=weight > 0)
        first = each[0, MEAN]
        mean = first + (shares * (each[:, MEAN] - first)).sum(0)
        squares = (each[:, SQUARES] + each[:, WEIGHT] * (each[:, MEAN] - mean) ** 2).sum(0)
        return np.array([weight, mean, squares, each[:, ERRORS].sum(0)])

    def value(self, part: np.ndarray) -> float:
        spread = part[SQUARES]
        shares = np.divide(part[ERRORS], spread, out=np.full(len(spread), np.nan), where=spread > 0)
        return float((1 - shares).mean())
