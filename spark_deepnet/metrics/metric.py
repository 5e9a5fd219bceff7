"""The base of metrics: figures of scores that are computed in parts, batch by batch and rank by rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.registry import Member

CLASSES = "a loss of classes, softmax or sigmoid"
NUMBERS = "a loss of numbers, such as squared"


@dataclass(frozen=True, repr=False)
class Metric(Member, family="metrics"):
    """The base of all metrics. ``part`` makes of some rows an array of float64, ``merged`` of several arrays one, and
    ``value`` of the last the metric: the same as of all rows at once, up to rounding."""

    higher: ClassVar[bool] = True
    """Whether a higher value is better."""

    @property
    def name(self) -> str:
        """What the summary's history calls it."""
        head, *tail = self.kind.split("_")
        return head + "".join(word.capitalize() for word in tail)

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        """What the metric needs, as it reads behind "needs", if a loss of this task and link with this number of scores
        does not have it; None: it can be computed."""
        raise NotImplementedError

    def part(self, rows: ScoredRows) -> np.ndarray:
        """What is to be known of these rows."""
        raise NotImplementedError

    def merged(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Of all rows of these parts, one at least."""
        return np.sum(parts, 0)  # type: ignore[no-any-return]

    def value(self, part: np.ndarray) -> float:
        """The metric; NaN where it has none, as of no rows."""
        raise NotImplementedError


class OfClasses(Metric):
    """The base of metrics of classes, and of labels that do not exclude one another."""

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        return CLASSES if task == "regression" else None


class OfOneClass(Metric):
    """The base of metrics of classes that exclude one another."""

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        exclusive = task == "classification" or (task == "multilabel" and units == 1)
        return None if exclusive else "classes that exclude one another"


class OfNumbers(Metric):
    """The base of metrics of regression."""

    def misfit(self, task: str, units: int, link: str | None) -> str | None:
        return None if task == "regression" else NUMBERS


def share(part: float, whole: float) -> float:
    """part / whole; NaN of nothing."""
    return float(part) / float(whole) if whole else float("nan")
