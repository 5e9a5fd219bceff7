"""Concatenate: several inputs side by side (Keras's Concatenate, Caffe's Concat)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer


@dataclass(frozen=True, repr=False)
class Concatenate(StepwiseLayer, kind="concatenate"):
    """y = (x_1, x_2, ...) along the last axis.   x_k: (n, ..., c_k)   y: (n, ..., c_1 + c_2 + ...)"""

    multi_input: ClassVar[bool] = True
    reads: ClassVar[str] = ""

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: tuple[Shape, ...]) -> Shape:
        if len(x) < 2 or not all(x) or len({s[:-1] for s in x}) > 1:
            shapes = ", ".join(map(str, x))
            raise NetworkError(
                f"Concatenate takes at least two inputs that differ in their last axis only, found {shapes}"
            )
        return (*x[0][:-1], sum(s[-1] for s in x))

    def cut_through(self, x: tuple[Shape, ...], entries: tuple[np.ndarray, ...]) -> tuple[Piece, np.ndarray]:
        starts = np.cumsum([0, *(shape[-1] for shape in x[:-1])])
        return Piece(self), np.concatenate([own + start for own, start in zip(entries, starts, strict=True)])

    def forward(self, w: Arrays, x: tuple[np.ndarray, ...], y: np.ndarray, call: Call) -> None:
        np.concatenate(x, axis=-1, out=y)

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        start = 0
        for source, part in zip(x, dx or (), strict=False):
            end = start + source.shape[-1]
            if part is not None:
                part[...] = dy[..., start:end]
            start = end
