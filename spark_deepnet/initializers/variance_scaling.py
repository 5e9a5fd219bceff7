"""Variance scaling: numbers whose variance falls with the inputs or outputs of a weight (Keras's VarianceScaling; with
scale 1 and "uniform" Caffe's xavier, with scale 2 and "normal" its msra)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_normal, fill_uniform

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True, repr=False)
class VarianceScaling(Counted, kind="variance_scaling"):
    """w of mean 0 and variance scale / n,   n: fan_in, fan_out, or with "fan_avg" their mean

    distribution: "normal", not truncated, or "uniform", in [-a, a) with a = sqrt(3 scale / n).
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"

    def __post_init__(self) -> None:
        check_numbers(self, "above 0", "scale")
        for name, known in (("mode", MODES), ("distribution", DISTRIBUTIONS)):
            if getattr(self, name) not in known:
                right = ", ".join(map(repr, known))
                raise ParamError(f"VarianceScaling: {name} must be one of {right}, found {getattr(self, name)!r}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = float(np.sqrt(self.scale / n))
        if self.distribution == "normal":
            fill_normal(key, start, deviation, out)
        else:
            a = float(np.sqrt(3.0)) * deviation
            fill_uniform(key, start, -a, a, out)
