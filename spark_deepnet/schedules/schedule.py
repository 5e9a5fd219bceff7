"""The base of learning-rate schedules: the learning rate as a function of the rows seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from spark_deepnet.errors import ParamError
from spark_deepnet.registry import Member

UNITS = ("epochs", "rows")


@dataclass(frozen=True, repr=False)
class Schedule(Member, family="schedules"):
    """The base of all schedules. The clock t counts rows seen by all workers together, in ``unit``: "epochs" (as a real
    number: 1.5 after one and a half passes) or "rows"; so it depends neither on the number of workers nor on the batch
    size."""

    unit: str = field(default="epochs", kw_only=True)

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ParamError(f"{type(self).__name__}: unit must be 'epochs' or 'rows', found {self.unit!r}")

    def factor(self, t: float, end: float) -> float:
        """The factor of learningRate at the time t of a fit that lasts until ``end``."""
        raise NotImplementedError

    def rate(self, base: float, seen: int, rows: int, epochs: float) -> float:
        """The learning rate after ``seen`` rows, in a fit of ``epochs`` epochs, whole or not, over ``rows`` rows."""
        if self.unit == "rows":
            return base * self.factor(float(seen), epochs * rows)
        return base * self.factor(seen / rows, float(epochs))


def passed(t: float, end: float) -> float:
    """The fraction of the fit that has passed: t / end, 1 after the end."""
    return min(t / end, 1.0) if end > 0 else 1.0
