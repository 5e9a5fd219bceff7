"""Sigmoid: the rate passes smoothly from one level to another (Caffe's "sigmoid")."""

from __future__ import annotations

from dataclasses import dataclass
from math import tanh

from spark_deepnet.errors import check_numbers
from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Sigmoid(Schedule, kind="sigmoid"):
    """rate = base / (1 + exp(-gamma (t - at))): half of base at the time ``at``, falling where gamma is below 0"""

    gamma: float
    at: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "a finite number", "gamma", "at")

    def factor(self, t: float, end: float) -> float:
        return 0.5 + 0.5 * tanh(0.5 * self.gamma * (t - self.at))  # exp would overflow
