"""Exponential: the rate falls by the same factor in every epoch (Caffe's "exp")."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Exponential(Schedule, kind="exponential"):
    """rate = base gamma^t"""

    gamma: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "gamma")

    def factor(self, t: float, end: float) -> float:
        return float(self.gamma**t)
