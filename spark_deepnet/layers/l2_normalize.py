"""L2 normalization: numbers over their length (Caffe's Normalize, Keras's UnitNormalization)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError, check_numbers
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer


@dataclass(frozen=True, repr=False)
class L2Normalize(StepwiseLayer, kind="l2_normalize"):
    """y = x / sqrt(sum x^2 + epsilon), the sum over the last ``axes`` axes of each row.   x, y: (n, ...)

    axes=3 over an image is Caffe's across_spatial. Lengths are computed in float64.
    """

    axes: int = 1
    epsilon: float = 1e-12

    def __post_init__(self) -> None:
        check_count(self, "axes")
        check_numbers(self, "above 0", "epsilon")

    def mixed_axes(self) -> int:
        return self.axes

    def shape(self, x: Shape) -> Shape:
        if len(x) < self.axes:
            raise NetworkError(f"L2Normalize: its input {x} has fewer axes than axes={self.axes}")
        return x

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x = self._lines(x)
        np.multiply(x, self._scales(x), out=self._lines(y), casting="same_kind")

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        """dx = r (dy - u sum u dy),   r = 1 / sqrt(sum x^2 + epsilon), u = r x"""
        if dx is None:
            return
        x, dy = self._lines(x), self._lines(dy)
        r = self._scales(x)
        u = x * r
        self._lines(dx)[...] = r * (dy - u * np.einsum("pc,pc->p", u, dy)[:, None])

    def _scales(self, lines: np.ndarray) -> np.ndarray:
        """(lines, 1) float64"""
        squares = np.einsum("pc,pc->p", lines, lines, dtype=np.float64, casting="safe")
        return (1 / np.sqrt(squares + self.epsilon))[:, None]

    def _lines(self, x: np.ndarray) -> np.ndarray:
        """x as a matrix, a line for each length; a view where x is C-contiguous."""
        return x.reshape(prod(x.shape[: -self.axes]), prod(x.shape[-self.axes :]))
