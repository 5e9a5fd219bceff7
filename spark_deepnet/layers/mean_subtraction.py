"""Mean subtraction: each channel around zero (Caffe's mean_value)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer


@dataclass(frozen=True, repr=False)
class MeanSubtraction(StepwiseLayer, kind="mean_subtraction"):
    """y_c = x_c - mean_c for each channel c of the last axis.   x, y: (n, ..., channels)"""

    mean: tuple[float, ...]
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.mean, tuple) and self.mean and np.isfinite(self.mean).all()):
            raise ParamError(f"MeanSubtraction: mean must be a tuple of finite numbers, found {self.mean!r}")

    def shape(self, x: Shape) -> Shape:
        if x[-1:] != (len(self.mean),):
            raise NetworkError(f"MeanSubtraction: {len(self.mean)} means do not fit the channels of its input {x}")
        return x

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        np.subtract(x, np.array(self.mean, x.dtype), out=y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy
