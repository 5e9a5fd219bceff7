"""Permute: the axes of a row in another order (Keras's Permute)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Permute(Layer, kind="permute"):
    """The i-th axis of y is the axis order[i] of x; a row's axes are counted from 1, as in Keras."""

    order: tuple[int, ...]
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if sorted(self.order) != list(range(1, len(self.order) + 1)):
            raise ParamError(f"Permute: order must hold each of 1..{len(self.order)} once, found {self.order!r}")

    def shape(self, x: Shape) -> Shape:
        if len(x) != len(self.order):
            raise NetworkError(
                f"Permute: the order {self.order} is for {len(self.order)} axes, found rows of shape {x}"
            )
        return tuple(x[axis - 1] for axis in self.order)

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS if self.order[0] == 1 else Masking.FULL_LENGTH

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return lengths if self.order[0] == 1 else None

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return (Piece(self), entries) if self.order[-1] == len(self.order) else None

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = x.transpose(0, *self.order)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx.transpose(0, *self.order)[...] = dy
