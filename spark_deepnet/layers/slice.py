"""Slice: a stretch of one axis of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Slice(Layer, kind="slice"):
    """y = x[..., start:stop, ...] along ``axis`` of a row: 0 its first axis, -1 its last; stop None: to the end."""

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

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        if self.axis % len(x):
            return lengths
        start, stop, _ = slice(self.start, self.stop).indices(x[0])
        return np.clip(lengths, start, stop) - np.int32(start)

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return None if self.axis % len(x) == len(x) - 1 else (Piece(self), entries)

    def _part(self, x: np.ndarray) -> np.ndarray:
        index: list[Any] = [slice(None)] * x.ndim
        index[self.axis if self.axis < 0 else self.axis + 1] = slice(self.start, self.stop)
        return x[tuple(index)]

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        y[...] = self._part(x)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = 0
            self._part(dx)[...] = dy
