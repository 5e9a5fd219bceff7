"""Cosine: the rate falls along half a wave (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule, passed


@dataclass(frozen=True, repr=False)
class Cosine(Schedule, kind="cosine"):
    """rate = base (floor + (1 - floor) (1 + cos(pi t / end)) / 2)"""

    floor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "at least 0 and at most 1", "floor")

    def factor(self, t: float, end: float) -> float:
        return self.floor + (1 - self.floor) * 0.5 * (1 + cos(pi * passed(t, end)))
