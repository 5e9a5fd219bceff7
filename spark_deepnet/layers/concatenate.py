"""Concatenate: several inputs side by side (Keras's Concatenate, Caffe's Concat)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers._axis import axis_of, check_axis
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape


@dataclass(frozen=True, repr=False)
class Concatenate(Layer, kind="concatenate"):
    """y = (x_1, x_2, ...) along ``axis`` of a row: 0 its first axis, -1 its last.

    x_k: (n, ..., c_k)   y: (n, ..., c_1 + c_2 + ...). Steps side by side (axis 0) become features.
    """

    axis: int = -1
    multi_input: ClassVar[bool] = True
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_axis(self)

    def shape(self, x: tuple[Shape, ...]) -> Shape:
        shapes, where = ", ".join(map(str, x)), "last axis" if self.axis == -1 else f"axis {self.axis}"
        right = f"Concatenate takes at least two inputs that differ in their {where} only, found {shapes}"
        if len(x) < 2 or not all(x) or len({len(s) for s in x}) > 1:
            raise NetworkError(right)
        axis = axis_of(self, x[0])
        if len({(*s[:axis], *s[axis + 1 :]) for s in x}) > 1:
            raise NetworkError(right)
        return (*x[0][:axis], sum(s[axis] for s in x), *x[0][axis + 1 :])

    def masking(self, x: tuple[Shape, ...]) -> Masking:
        return Masking.ZEROS if axis_of(self, x[0]) else Masking.FULL_LENGTH

    def lengths(self, x: tuple[Shape, ...], lengths: np.ndarray) -> np.ndarray | None:
        return lengths if axis_of(self, x[0]) else None

    def cut_through(self, x: tuple[Shape, ...], entries: tuple[np.ndarray, ...]) -> tuple[Piece, np.ndarray] | None:
        if axis_of(self, x[0]) < len(x[0]) - 1:
            alike = all(np.array_equal(own, entries[0]) for own in entries)
            return (Piece(self), entries[0]) if alike else None
        starts = np.cumsum([0, *(shape[-1] for shape in x[:-1])])
        return Piece(self), np.concatenate([own + start for own, start in zip(entries, starts, strict=True)])

    def forward(self, w: Arrays, x: tuple[np.ndarray, ...], y: np.ndarray, call: Call) -> None:
        np.concatenate(x, axis=1 + axis_of(self, y.shape[1:]), out=y)

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        axis, start = 1 + axis_of(self, y.shape[1:]), 0
        for source, part in zip(x, dx or (), strict=False):
            end = start + source.shape[axis]
            if part is not None:
                part[...] = np.moveaxis(np.moveaxis(dy, axis, 0)[start:end], 0, axis)
            start = end
