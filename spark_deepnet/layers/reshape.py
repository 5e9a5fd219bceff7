"""Reshape: the same numbers of a row under other axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Reshape(Layer, kind="reshape"):
    """y: (n, *target), the last axis running fastest; one size of the target may be -1, from the rest.

    For sequences, a first size of -1 makes k steps from one, or one from k, the last filled with zeros if a row's steps
    do not divide; the input's first size keeps the steps.
    """

    target: tuple[int, ...]
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not all(isinstance(size, int) and (size >= 1 or size == -1) for size in self.target):
            raise ParamError(f"Reshape: sizes must be ints of at least 1, or -1 once, found {self.target!r}")
        if self.target.count(-1) > 1:
            raise ParamError(f"Reshape: -1 may occur once, found {self.target!r}")

    def shape(self, x: Shape) -> Shape:
        known = prod(size for size in self.target if size != -1)
        rest = prod(x) // known if -1 in self.target else 1
        if known * rest != prod(x):
            raise NetworkError(f"Reshape: {prod(x)} numbers per row ({x}) do not fill {self.target}")
        return tuple(rest if size == -1 else size for size in self.target)

    def masking(self, x: Shape) -> Masking:
        stays = self.target[0] == -1 or (-1 not in self.target and self.target[0] == x[0])
        return Masking.ZEROS if stays and len(self.target) > 1 else Masking.FULL_LENGTH

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        if self.masking(x) is Masking.FULL_LENGTH:
            return None
        each = prod(self.shape(x)[1:])
        return -(-lengths * prod(x[1:]) // each)

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        """Cuts the layer if the last axis is kept."""
        if self.shape(x)[-1:] != x[-1:]:
            return None
        last = -1 if self.target[-1] == -1 else len(entries)
        return Piece(replace(self, target=(*self.target[:-1], last))), entries

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = x.reshape(y.shape)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy.reshape(dx.shape)
