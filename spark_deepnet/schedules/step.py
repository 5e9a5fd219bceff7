"""Step: the rate falls by a factor at equal intervals (Caffe's "step")."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Step(Schedule, kind="step"):
    """rate = base gamma^floor(t / every)"""

    every: float
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "every", "gamma")

    def factor(self, t: float, end: float) -> float:
        return float(self.gamma ** (t // self.every))
