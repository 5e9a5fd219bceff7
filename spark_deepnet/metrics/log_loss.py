"""Log loss: how improbable the labels are to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfOneClass, share

MIN_PROBABILITY = 1e-15
"""The least probability, as in Spark ML's log loss."""


@dataclass(frozen=True, repr=False)
class LogLoss(OfOneClass, kind="log_loss"):
    """-sum_n w_n log max(p_n,label(n), 1e-15) / sum_n w_n"""

    higher: ClassVar[bool] = False

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        return super().misfit(task, units, link) or (None if link else "a loss with probabilities")

    def part(self, rows: ScoredRows) -> np.ndarray:
        own = rows.probability[np.arange(len(rows.labels)), rows.labels]
        return np.array([-(rows.weights @ np.log(np.maximum(own, MIN_PROBABILITY))), rows.weights.sum()])

    def value(self, part: np.ndarray) -> float:
        return share(part[0], part[1])
