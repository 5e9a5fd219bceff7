"""Glorot's uniform initialization (Glorot and Bengio, AISTATS 2010; Keras's default, Caffe's xavier with AVERAGE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Counted
from spark_deepnet.kernels.random import fill_uniform


@dataclass(frozen=True, repr=False)
class GlorotUniform(Counted, kind="glorot_uniform"):
    """w uniform in [-a, a),   a = gain sqrt(6 / (fan_in + fan_out))"""

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ParamError(f"GlorotUniform: gain must be above 0, found {self.gain}")

    def numbers(self, start: int, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        a = self.gain * float(np.sqrt(6.0 / (fan_in + fan_out)))
        fill_uniform(key, start, -a, a, out)
