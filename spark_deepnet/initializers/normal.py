"""Normal initialization with a given mean and standard deviation (Keras's RandomNormal, Caffe's gaussian)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_normal, fill_uniform, key_of

MASK = key_of("sparse")


@dataclass(frozen=True, repr=False)
class Normal(Counted, kind="normal"):
    """w normal with mean ``mean`` and standard deviation ``stddev``, not truncated

    sparse: if above 0, the expected number of outputs for which an input's weight is not 0 (Caffe's sparse).
    """

    stddev: float = 0.05
    mean: float = 0.0
    sparse: int = 0

    def __post_init__(self) -> None:
        if not self.stddev > 0:
            raise ParamError(f"Normal: stddev must be above 0, found {self.stddev}")
        if type(self.sparse) is not int or self.sparse < 0:
            raise ParamError(f"Normal: sparse must be an int of at least 0, found {self.sparse!r}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        exact = np.empty(out.size)
        fill_normal(key, start, float(self.stddev), exact)
        exact += self.mean
        if self.sparse:
            drawn = np.empty(out.size)
            fill_uniform(key ^ MASK, start, 0.0, 1.0, drawn)
            exact[drawn * fan_out >= self.sparse] = 0
        out[...] = exact
