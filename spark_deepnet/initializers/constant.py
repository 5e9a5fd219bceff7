"""A constant start: what biases take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.initializers.initializer import Initializer


@dataclass(frozen=True, repr=False)
class Constant(Initializer, kind="constant"):
    """w = value"""

    value: float = 0.0

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        out[...] = self.value
