"""Warm-up: the rate rises at first, then follows another schedule (Goyal et al., 2017, arXiv:1706.02677)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Warmup(Schedule, kind="warmup"):
    """rate = base (start + (1 - start) t / length) while t < length, then the rate of the schedule ``then``

    ``then``: any schedule or its name. Its clock runs from the beginning of the fit, in its own unit.
    """

    length: float
    then: Any = "constant"
    start: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "length")
        check_numbers(self, "at least 0 and at most 1", "start")
        Schedule.of(self.then)

    def factor(self, t: float, end: float) -> float:
        if t < self.length:
            return self.start + (1 - self.start) * t / self.length
        return Schedule.of(self.then).factor(t, end)

    def rate(self, base: float, seen: int, rows: int, epochs: float) -> float:
        if (seen if self.unit == "rows" else seen / rows) < self.length:
            return super().rate(base, seen, rows, epochs)
        return Schedule.of(self.then).rate(base, seen, rows, epochs)
