"""Polynomial: the rate falls to 0 at the end, as a power of the time left (Caffe's "poly")."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule, passed


@dataclass(frozen=True, repr=False)
class Polynomial(Schedule, kind="polynomial"):
    """rate = base (1 - t / end)^power"""

    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "power")

    def factor(self, t: float, end: float) -> float:
        return float((1 - passed(t, end)) ** self.power)
