"""Constant initialization, the default of biases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.initializers.initializer import Counted


@dataclass(frozen=True, repr=False)
class Constant(Counted, kind="constant"):
    """w = value"""

    value: float = 0.0

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        out[...] = self.value
