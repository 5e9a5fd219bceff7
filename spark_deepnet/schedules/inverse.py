"""Inverse: the rate falls with a power of the time (Robbins and Monro, 1951; Caffe's "inv")."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Inverse(Schedule, kind="inverse"):
    """rate = base (1 + gamma t)^-power"""

    gamma: float
    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "at least 0", "gamma", "power")

    def factor(self, t: float, end: float) -> float:
        return float((1 + self.gamma * t) ** -self.power)
