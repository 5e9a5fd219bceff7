"""Normal initialization with a given mean and standard deviation (Keras's RandomNormal, Caffe's gaussian)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_normal


@dataclass(frozen=True, repr=False)
class Normal(Counted, kind="normal"):
    """w normal with mean ``mean`` and standard deviation ``stddev``, not truncated"""

    stddev: float = 0.05
    mean: float = 0.0

    def __post_init__(self) -> None:
        if not self.stddev > 0:
            raise ParamError(f"Normal: stddev must be above 0, found {self.stddev}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        exact = np.empty(out.size)
        fill_normal(key, start, float(self.stddev), exact)
        out[...] = exact + self.mean
