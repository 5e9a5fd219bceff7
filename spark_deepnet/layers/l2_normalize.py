"""L2 normalization: numbers over their length (Caffe's Normalize, Keras's UnitNormalization)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.layers._last_axes import OverLastAxes
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class L2Normalize(OverLastAxes, kind="l2_normalize"):
    """y = x / sqrt(sum x^2 + epsilon), the sum over the last ``axes`` axes of each row.   x, y: (n, ...)

    axes=3 over an image is Caffe's across_spatial. Lengths are computed in float64.
    """

    epsilon: float = 1e-12

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x = self.lines(x)
        np.multiply(x, self._scales(x), out=self.lines(y), casting="same_kind")

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        """dx = r (dy - u sum u dy),   r = 1 / sqrt(sum x^2 + epsilon), u = r x"""
        if dx is None:
            return
        x, dy = self.lines(x), self.lines(dy)
        r = self._scales(x)
        u = x * r
        self.lines(dx)[...] = r * (dy - u * np.einsum("pc,pc->p", u, dy)[:, None])

    def _scales(self, lines: np.ndarray) -> np.ndarray:
        """(lines, 1) float64"""
        squares = np.einsum("pc,pc->p", lines, lines, dtype=np.float64, casting="safe")
        return (1 / np.sqrt(squares + self.epsilon))[:, None]
