"""Rescaling: maps numbers to a range that suits a network, such as bytes to 0..1 (Keras's Rescaling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Arrays, Call, StepwiseLayer


@kernel
def _line(x, scale, offset, y):  # type: ignore[no-untyped-def]
    """y_i = scale x_i + offset"""
    a, b = y.dtype.type(scale), y.dtype.type(offset)
    for i in range(x.size):
        y[i] = a * x[i] + b


@dataclass(frozen=True, repr=False)
class Rescaling(StepwiseLayer, kind="rescaling"):
    """y = scale x + offset, any shape."""

    scale: float
    offset: float = 0.0
    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "a finite number", "scale", "offset")

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _line(x.reshape(-1), self.scale, self.offset, y.reshape(-1))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _line(dy.reshape(-1), self.scale, 0.0, dx.reshape(-1))
