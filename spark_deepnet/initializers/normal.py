"""A normal start with moments of one's own (Keras's RandomNormal, Caffe's gaussian)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.random import fill_normal


@dataclass(frozen=True, repr=False)
class Normal(Initializer, kind="normal"):
    """w normal with that mean and standard deviation, not truncated"""

    stddev: float = 0.05
    mean: float = 0.0

    def __post_init__(self) -> None:
        if not self.stddev > 0:
            raise ParamError(f"Normal: stddev must be above 0, found {self.stddev}")

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        numbers = np.empty(out.size)
        fill_normal(key, 0, float(self.stddev), numbers)
        out[...] = (numbers + self.mean).reshape(out.shape)
