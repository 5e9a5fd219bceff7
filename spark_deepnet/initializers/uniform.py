"""Uniform initialization between given bounds (Keras's RandomUniform, Caffe's uniform)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_uniform


@dataclass(frozen=True, repr=False)
class Uniform(Counted, kind="uniform"):
    """w uniform in [low, high)"""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ParamError(f"Uniform: low must be below high, found low={self.low}, high={self.high}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        fill_uniform(key, start, float(self.low), float(self.high), out)
