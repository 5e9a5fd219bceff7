"""Root of the mean squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfNumbers, share


@dataclass(frozen=True, repr=False)
class RMSE(OfNumbers, kind="rmse"):
    """sqrt(sum_n w_n mean_k (y_nk - t_nk)^2 / sum_n w_n), y: predictions, after the loss's link"""

    higher: ClassVar[bool] = False

    def part(self, rows: ScoredRows) -> np.ndarray:
        return np.array([rows.weights @ ((rows.linked - rows.targets) ** 2).mean(1), rows.weights.sum()])

    def value(self, part: np.ndarray) -> float:
        return float(np.sqrt(share(part[0], part[1])))
