"""He's normal initialization, for ReLU networks (He, Zhang, Ren and Sun, ICCV 2015; PyTorch's kaiming_normal_)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_normal


@dataclass(frozen=True, repr=False)
class HeNormal(Counted, kind="he_normal"):
    """w normal with mean 0 and standard deviation gain sqrt(2 / fan_in), not truncated"""

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ParamError(f"HeNormal: gain must be above 0, found {self.gain}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        fill_normal(key, start, self.gain * float(np.sqrt(2.0 / fan_in)), out)
