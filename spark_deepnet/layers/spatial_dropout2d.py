"""Spatial dropout: random channels are set to 0 in each training step (Tompson et al., CVPR 2015; Keras's)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.random import bits
from spark_deepnet.layers._windows import check_image
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer


@kernel
def _drop(x, key, rows, numbers, limit, scale, y):  # type: ignore[no-untyped-def]
    """y[n, p, c] = s x[n, p, c] where the random number of row n for that channel is not below the limit, else 0"""
    T = y.dtype.type
    factors = np.empty(x.shape[2], y.dtype)
    for n in range(x.shape[0]):
        row_key = bits(key, rows[n])
        for c in range(x.shape[2]):
            factors[c] = T(scale) if bits(row_key, numbers[c]) >= limit else T(0)
        for p in range(x.shape[1]):
            for c in range(x.shape[2]):
                y[n, p, c] = factors[c] * x[n, p, c]


@dataclass(frozen=True, repr=False)
class SpatialDropout2D(StepwiseLayer, kind="spatial_dropout2d"):
    """In training y = x / (1 - rate) for the channels that are kept and 0 for a share ``rate`` of them, drawn for each
    row and step; otherwise y = x.   x, y: (n, height, width, channels)"""

    rate: float
    reads: ClassVar[str] = ""
    is_random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "at least 0 and below 1", "rate")

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return x

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray]:
        return Piece(_Part(self.rate, numbers=entries.astype(np.uint64))), entries

    def channels(self, count: int) -> np.ndarray:
        """Their numbers."""
        return np.arange(count, dtype=np.uint64)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        self._drop(x, y, call)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            self._drop(dy, dx, call)

    def _drop(self, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if self.rate == 0 or not call.training:
            y[...] = x
            return
        n, height, width, count = x.shape
        x, y = (a.reshape(n, height * width, count) for a in (x, y))
        limit = np.uint64(self.rate * 2.0**64)
        _drop(x, call.key, call.rows, self.channels(count), limit, 1 / (1 - self.rate), y)


@dataclass(frozen=True, repr=False, eq=False)
class _Part(SpatialDropout2D):
    """Spatial dropout of some of the channels."""

    numbers: np.ndarray = field(kw_only=True)

    def channels(self, count: int) -> np.ndarray:
        return self.numbers
