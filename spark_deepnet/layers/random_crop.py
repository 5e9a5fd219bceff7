"""Random crop: training sees another part of the image in each step (Krizhevsky et al., NIPS 2012; Keras's, Caffe's
crop_size)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.random import bits
from spark_deepnet.layers._windows import check_count, check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@kernel
def _corners(key, rows, down, across, corners):  # type: ignore[no-untyped-def]
    """corners[n] = a random (top, left) of row n, top < down and left < across"""
    for n in range(rows.size):
        row_key = bits(key, rows[n])
        corners[n, 0] = bits(row_key, np.uint64(0)) % np.uint64(down)
        corners[n, 1] = bits(row_key, np.uint64(1)) % np.uint64(across)


@dataclass(frozen=True, repr=False)
class RandomCrop(Layer, kind="random_crop"):
    """y[h, w, c] = x[top + h, left + w, c]: in training (top, left) is drawn for each row and step; otherwise the crop
    is the middle.   x: (n, rows, columns, channels)   y: (n, height, width, channels)"""

    height: int
    width: int
    reads: ClassVar[str] = ""
    is_random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count(self, "height", "width")

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        if x[0] < self.height or x[1] < self.width:
            raise NetworkError(f"RandomCrop: {self.height} x {self.width} does not fit into its input {x}")
        return (self.height, self.width, x[2])

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return None

    def cut_length(self, length: int) -> int:
        """An image that is not high enough is filled up with zeros."""
        return max(length, self.height)

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"corners": ((2,), np.int64)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        down, across, corners = x.shape[1] - self.height, x.shape[2] - self.width, call.saved["corners"]
        corners[:] = down // 2, across // 2
        if call.training:
            _corners(call.key, call.rows, down + 1, across + 1, corners)
        for n in range(len(x)):
            y[n] = self._part(x[n], corners[n])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is None:
            return
        if dx.shape != dy.shape:
            dx[...] = 0
        for n in range(len(dx)):
            self._part(dx[n], call.saved["corners"][n])[...] = dy[n]

    def _part(self, x: np.ndarray, corner: np.ndarray) -> np.ndarray:
        top, left = corner
        return x[top : top + self.height, left : left + self.width]
