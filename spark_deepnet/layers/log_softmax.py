"""Log-softmax: the logarithms of softmax's probabilities (ONNX's and PyTorch's LogSoftmax)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._axis import AlongAxis, check_axis
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class LogSoftmax(AlongAxis, kind="log_softmax"):
    """y_k = x_k - log sum_j e^x_j along ``axis`` of a row: 0 its first axis, -1 its last.   x, y: (n, ..., classes)"""

    axis: int = -1
    reads: ClassVar[str] = "y"

    def __post_init__(self) -> None:
        check_axis(self)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        axis = self._axis
        np.subtract(x, x.max(axis, keepdims=True, initial=-np.inf), out=y)
        y -= np.log(np.exp(y).sum(axis, keepdims=True))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        """dx_k = dy_k - e^y_k sum_j dy_j"""
        if dx is not None:
            np.subtract(dy, np.exp(y) * dy.sum(self._axis, keepdims=True), out=dx)

    @property
    def _axis(self) -> int:
        """Of arrays, whose first axis is that of the rows."""
        return self.axis if self.axis < 0 else self.axis + 1
