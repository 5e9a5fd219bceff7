"""Zero padding: a border of zeros around images (Keras's ZeroPadding2D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import check_image, real_windows, sides
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@dataclass(frozen=True, repr=False)
class ZeroPadding2D(Layer, kind="zero_padding2d"):
    """y[top + h, left + w, c] = x[h, w, c], else 0.   x: (n, height, width, channels)

    y: (n, top + height + bottom, left + width + right, channels). ``padding`` is an int, (rows, columns) on both sides,
    or ((top, bottom), (left, right)).
    """

    padding: Any = 1
    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.padding, str):
            raise ParamError(f"ZeroPadding2D: padding must be ints, not a word, found {self.padding!r}")
        self._borders()

    def _borders(self) -> Any:
        return sides(self)

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        (top, bottom), (left, right) = self._borders()
        return (top + x[0] + bottom, left + x[1] + right, x[2])

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        return real_windows(lengths, lengths + sum(self._borders()[0]))

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if x.shape != y.shape:
            y[...] = 0
        self._middle(y)[...] = x

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = self._middle(dy)

    def _middle(self, y: np.ndarray) -> np.ndarray:
        (top, bottom), (left, right) = self._borders()
        return y[:, top : y.shape[1] - bottom, left : y.shape[2] - right]
