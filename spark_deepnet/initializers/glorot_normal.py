"""Glorot's normal initialization (Glorot and Bengio, AISTATS 2010; PyTorch's xavier_normal_)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_normal


@dataclass(frozen=True, repr=False)
class GlorotNormal(Counted, kind="glorot_normal"):
    """w normal with mean 0 and standard deviation gain sqrt(2 / (fan_in + fan_out)), not truncated"""

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ParamError(f"GlorotNormal: gain must be above 0, found {self.gain}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        fill_normal(key, start, self.gain * float(np.sqrt(2.0 / (fan_in + fan_out))), out)
