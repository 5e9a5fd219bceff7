"""One cycle: the rate rises, then falls far below its start (Smith and Topin, 2018, arXiv:1708.07120)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.schedules.schedule import Schedule, passed


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule, kind="one_cycle"):
    """rate from base / divide up to base at the fraction ``peak`` of the fit, then down to base / (divide final_divide)
    at its end, both along half a cosine wave (PyTorch's OneCycleLR)"""

    peak: float = 0.3
    divide: float = 25.0
    final_divide: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "peak", "divide", "final_divide")
        if self.peak >= 1:
            raise ParamError(f"OneCycle: peak must be a fraction of the fit below 1, found {self.peak}")

    def factor(self, t: float, end: float) -> float:
        x, start = passed(t, end), 1 / self.divide
        if x < self.peak:
            return _wave(start, 1.0, x / self.peak)
        return _wave(1.0, start / self.final_divide, (x - self.peak) / (1 - self.peak))


def _wave(a: float, b: float, x: float) -> float:
    """From a at x = 0 to b at x = 1, level at both."""
    return b + (a - b) * 0.5 * (1 + cos(pi * x))
