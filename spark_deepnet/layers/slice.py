"""Slice: a stretch of one axis of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Slice(Layer, kind="slice"):
    """y = x[..., start:stop, ...] along ``axis`` of a row: 0 its first axis, -1 its last; stop None: to the end. Steps
    counted from the end (start or stop below 0) are counted from each row's own."""

    start: int
    stop: int | None = None
    axis: int = -1
    reads: ClassVar[str] = ""

    def shape(self, x: Shape) -> Shape:
        if not -len(x) <= self.axis < len(x):
            raise NetworkError(f"Slice: rows of shape {x} have no axis {self.axis}")
        axis = self.axis % len(x)
        length = len(range(x[axis])[self.start : self.stop])
        if length < 1:
            raise NetworkError(f"Slice: {self.start}:{self.stop} of an axis of {x[axis]} is empty")
        return (*x[:axis], length, *x[axis + 1 :])

    def masking(self, x: Shape) -> Masking:
        stop = self.start if self.stop is None else self.stop
        if self.axis % len(x) or min(self.start, stop) >= 0:
            return Masking.ZEROS
        return Masking.FULL_LENGTH if self.start < 0 <= stop else Masking.BY_LENGTH  # shorter rows may give more steps

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        if self.axis % len(x):
            return lengths
        if self.masking(x) is Masking.FULL_LENGTH:
            return None
        first, end = (self._place(place, lengths) for place in (self.start, self.stop))
        return np.maximum(end - first, 0)

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return None if self.axis % len(x) == len(x) - 1 else (Piece(self), entries)

    def _place(self, place: int | None, lengths: np.ndarray) -> np.ndarray:
        """Where a slice begins or ends in rows of these lengths."""
        if place is None:
            return lengths
        return np.clip(lengths + np.int32(place) if place < 0 else np.full_like(lengths, place), 0, lengths)

    def _part(self, x: np.ndarray) -> np.ndarray:
        index: list[Any] = [slice(None)] * x.ndim
        index[self.axis if self.axis < 0 else self.axis + 1] = slice(self.start, self.stop)
        return x[tuple(index)]

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = self._part(x)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = 0
            self._part(dx)[...] = dy
