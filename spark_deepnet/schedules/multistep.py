"""Multistep: the rate falls by a factor at given times (Caffe's "multistep")."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Multistep(Schedule, kind="multistep"):
    """rate = base gamma^(number of the times ``at`` that have passed)"""

    at: tuple[float, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "gamma")
        numbers = isinstance(self.at, tuple) and all(isinstance(t, int | float) for t in self.at)
        if not numbers or not self.at or list(self.at) != sorted(set(self.at)):
            raise ParamError(f"Multistep: at must be a tuple of rising times, as in (10, 15), found {self.at!r}")

    def factor(self, t: float, end: float) -> float:
        return float(self.gamma ** bisect_right(self.at, t))
