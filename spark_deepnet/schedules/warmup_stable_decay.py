"""Warm-up, stable, decay: the rate rises, stays, then falls to 0 (Hu et al., MiniCPM, 2024, arXiv:2404.06395)."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.schedules.schedule import Schedule, passed


@dataclass(frozen=True, repr=False)
class WarmupStableDecay(Schedule, kind="warmup_stable_decay"):
    """rate = base min(x / warmup, 1, (1 - x) / decay) at the fraction x of the fit

    A fit whose number of epochs is automatic and whose loss no longer improves goes on with the decay.
    """

    warmup: float = 0.05
    decay: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "above 0", "warmup", "decay")
        if self.warmup + self.decay > 1:
            raise ParamError(
                f"WarmupStableDecay: warmup and decay are fractions of the fit that together are at most 1, found "
                f"{self.warmup} and {self.decay}"
            )

    def factor(self, t: float, end: float) -> float:
        x = passed(t, end)
        return min(x / self.warmup, 1.0, (1 - x) / self.decay)
