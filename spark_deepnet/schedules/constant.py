"""Constant: the learning rate stays the same (Caffe's "fixed")."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.schedules.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Constant(Schedule, kind="constant"):
    """rate = base"""

    def factor(self, t: float, end: float) -> float:
        return 1.0
