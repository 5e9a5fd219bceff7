"""The schedules under test: for each its formula in plain Python and PyTorch's twin where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, exp, floor, pi
from typing import Any

from spark_deepnet.schedules.constant import Constant
from spark_deepnet.schedules.cosine import Cosine
from spark_deepnet.schedules.exponential import Exponential
from spark_deepnet.schedules.inverse import Inverse
from spark_deepnet.schedules.multistep import Multistep
from spark_deepnet.schedules.one_cycle import OneCycle
from spark_deepnet.schedules.polynomial import Polynomial
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.schedules.sigmoid import Sigmoid
from spark_deepnet.schedules.step import Step
from spark_deepnet.schedules.warmup import Warmup
from spark_deepnet.schedules.warmup_stable_decay import WarmupStableDecay

END = 10.0


@dataclass(frozen=True)
class Row:
    """One schedule of a fit that lasts until END."""

    schedule: Schedule
    reference: Callable[[float], float]
    """t -> the factor"""
    twin: Callable[[Any, Any], Any] | None = None
    """(torch.optim.lr_scheduler, optimizer of rate 1) -> its scheduler, whose epochs are our t"""


def one_cycle(peak: float, t: float) -> float:
    x = t / END
    if x < peak:
        return 1 / 25 + (1 - 1 / 25) * (1 - cos(pi * x / peak)) / 2
    return 4e-6 + (1 - 4e-6) * (1 + cos(pi * (x - peak) / (1 - peak))) / 2


ROWS = [
    Row(Constant(), lambda t: 1.0, lambda S, o: S.ConstantLR(o, factor=1.0)),
    Row(Step(3.0), lambda t: 0.1 ** floor(t / 3), lambda S, o: S.StepLR(o, 3)),
    Row(Step(0.5, gamma=0.7), lambda t: 0.7 ** floor(2 * t)),
    Row(Multistep((2, 6.5)), lambda t: 1.0 if t < 2 else 0.1 if t < 6.5 else 0.01),
    Row(Multistep((2, 6), gamma=0.5), lambda t: 0.5 ** ((t >= 2) + (t >= 6)), lambda S, o: S.MultiStepLR(o, [2, 6], 0.5)),
    Row(Exponential(0.8), lambda t: 0.8**t, lambda S, o: S.ExponentialLR(o, 0.8)),
    Row(Inverse(0.2), lambda t: 1 / (1 + 0.2 * t)),
    Row(Inverse(0.0001, power=0.75), lambda t: (1 + 0.0001 * t) ** -0.75),
    Row(Polynomial(), lambda t: 1 - t / END, lambda S, o: S.PolynomialLR(o, int(END))),
    Row(Polynomial(2.0), lambda t: (1 - t / END) ** 2, lambda S, o: S.PolynomialLR(o, int(END), power=2.0)),
    Row(Sigmoid(-2.0, 4.0), lambda t: 1 / (1 + exp(2 * (t - 4)))),
    Row(Cosine(), lambda t: (1 + cos(pi * t / END)) / 2, lambda S, o: S.CosineAnnealingLR(o, int(END))),
    Row(Cosine(0.1), lambda t: 0.1 + 0.45 * (1 + cos(pi * t / END)), lambda S, o: S.CosineAnnealingLR(o, int(END), 0.1)),
    Row(WarmupStableDecay(), lambda t: min(2 * t, 1.0, (END - t) / 3)),
    Row(WarmupStableDecay(0.5, 0.5), lambda t: min(t / 5, (END - t) / 5)),
    Row(OneCycle(), lambda t: one_cycle(0.3, t)),
    Row(
        OneCycle(peak=0.2),
        lambda t: one_cycle(0.2, t),
        lambda S, o: S.OneCycleLR(o, max_lr=1.0, total_steps=int(END) + 1, pct_start=3 / 11),  # its peak: step 3 - 1
    ),
    Row(Warmup(2.0), lambda t: min(t / 2, 1.0)),
    Row(Warmup(4.0, start=0.25), lambda t: min(0.25 + 0.75 * t / 4, 1.0), lambda S, o: S.LinearLR(o, 0.25, total_iters=4)),
    Row(Warmup(2.0, Step(3.0)), lambda t: t / 2 if t < 2 else 0.1 ** floor(t / 3)),
    Row(Warmup(1.0, "cosine"), lambda t: t if t < 1 else (1 + cos(pi * t / END)) / 2),
    Row(Warmup(1.0, Warmup(3.0, Polynomial())), lambda t: t if t < 1 else t / 3 if t < 3 else 1 - t / END),
]  # fmt: skip

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: Constant(unit="steps"), "Constant: unit must be 'epochs' or 'rows', found 'steps'"),
    (lambda: Step(0), "Step: every must be above 0, found 0"),
    (lambda: Step(1.0, gamma=-0.1), "Step: gamma must be above 0, found -0.1"),
    (lambda: Multistep(()), r"Multistep: at must be a tuple of rising times, as in \(10, 15\), found \(\)"),
    (lambda: Multistep((3, 2)), r"rising times, .* found \(3, 2\)"),
    (lambda: Multistep((2, 2)), r"rising times, .* found \(2, 2\)"),
    (lambda: Multistep(("2", 3)), r"rising times, .* found \('2', 3\)"),
    (lambda: Multistep(5), "rising times, .* found 5"),
    (lambda: Multistep((1,), gamma=0), "Multistep: gamma must be above 0, found 0"),
    (lambda: Exponential(0.0), "Exponential: gamma must be above 0, found 0.0"),
    (lambda: Inverse(-1.0), "Inverse: gamma must be at least 0, found -1.0"),
    (lambda: Inverse(1.0, -1.0), "Inverse: power must be at least 0, found -1.0"),
    (lambda: Polynomial(0.0), "Polynomial: power must be above 0, found 0.0"),
    (lambda: Sigmoid(float("inf"), 1.0), "Sigmoid: gamma must be a finite number, found inf"),
    (lambda: Cosine(1.5), "Cosine: floor must be at least 0 and at most 1, found 1.5"),
    (lambda: OneCycle(peak=1.0), "OneCycle: peak must be a fraction of the fit below 1, found 1.0"),
    (lambda: OneCycle(divide=0), "OneCycle: divide must be above 0, found 0"),
    (lambda: Warmup(0.0), "Warmup: length must be above 0, found 0.0"),
    (lambda: Warmup("2"), "Warmup: length must be above 0, found '2'"),
    (lambda: Warmup(1.0, start=2.0), "Warmup: start must be at least 0 and at most 1, found 2.0"),
    (lambda: Warmup(1.0, "cosin"), "schedules: there is no 'cosin'; did you mean 'cosine'?"),
    (lambda: Warmup(1.0, 3), "schedules: expected one of the schedules, .* found int 3"),
]
