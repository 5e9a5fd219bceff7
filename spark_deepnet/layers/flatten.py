"""Flatten: all axes of a row as one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Flatten(Layer, kind="flatten"):
    """y_nj = the j-th number of row n, the last axis running fastest.   x: (n, a, b, ...)   y: (n, a b ...)"""

    reads: ClassVar[str] = ""

    def shape(self, x: Shape) -> Shape:
        return (prod(x),)

    def masking(self, x: Shape) -> Masking:
        return Masking.FULL_LENGTH

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray]:
        places = np.arange(prod(x[:-1]))[:, None] * x[-1] + entries
        return Piece(self), places.reshape(-1)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = x.reshape(y.shape)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy.reshape(dx.shape)
