"""A custom layer in the user's own module: maxout units (Goodfellow et al., ICML 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def forward(x, pieces, y):  # type: ignore[no-untyped-def]
    """y[n, u] = max_p x[n, u pieces + p]"""
    for n in range(y.shape[0]):
        for u in range(y.shape[1]):
            y[n, u] = x[n, u * pieces : (u + 1) * pieces].max()


@kernel
def backward(x, y, dy, pieces, dx):  # type: ignore[no-untyped-def]
    """dx = dy if x is the highest of its unit's pieces, else 0"""
    for n in range(y.shape[0]):
        for u in range(y.shape[1]):
            for p in range(u * pieces, (u + 1) * pieces):
                dx[n, p] = dy[n, u] if x[n, p] == y[n, u] else 0


@dataclass(frozen=True, repr=False)
class Maxout(Layer, kind="maxout"):
    """y = the highest of every ``pieces`` neighbours of x.   x: (n, units pieces)   y: (n, units)"""

    pieces: int = 2
    reads: ClassVar[str] = "xy"

    def shape(self, x: Shape) -> Shape:
        if len(x) != 1 or x[0] % self.pieces:
            raise NetworkError(f"Maxout takes a multiple of {self.pieces} numbers per row, found {x}")
        return (x[0] // self.pieces,)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        forward(x, self.pieces, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            backward(x, y, dy, self.pieces, dx)
