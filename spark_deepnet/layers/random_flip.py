"""Random flip: training sees images or their mirror images (Keras's RandomFlip, Caffe's mirror)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.random import bits
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape

_MODES = {"horizontal": (False, True), "vertical": (True, False), "horizontal_and_vertical": (True, True)}


@kernel
def _flip(x, key, rows, vertical, horizontal, y):  # type: ignore[no-untyped-def]
    """y[n, h, w] = x[n, h or H - 1 - h, w or W - 1 - w] by two random bits of row n; y may be the memory of x"""
    H, W = x.shape[1], x.shape[2]
    for n in range(x.shape[0]):
        drawn = bits(key, rows[n])
        down = vertical and (drawn >> np.uint64(63)) == 1
        across = horizontal and ((drawn >> np.uint64(62)) & np.uint64(1)) == 1
        for p in range(H * W):
            h, w = divmod(p, W)
            to_h, to_w = H - 1 - h if down else h, W - 1 - w if across else w
            if to_h * W + to_w >= p:  # each pair is swapped once
                for c in range(x.shape[3]):
                    here, there = x[n, h, w, c], x[n, to_h, to_w, c]
                    y[n, h, w, c], y[n, to_h, to_w, c] = there, here


@dataclass(frozen=True, repr=False)
class RandomFlip(Layer, kind="random_flip"):
    """In training each row is mirrored at random in each step; otherwise y = x.

    x, y: (n, height, width, channels). ``mode``: "horizontal" (left and right are swapped), "vertical" or
    "horizontal_and_vertical" (each independently).
    """

    mode: str = "horizontal"
    reads: ClassVar[str] = ""
    is_random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ParamError(f"RandomFlip: mode must be one of {', '.join(_MODES)}, found {self.mode!r}")

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return x

    def masking(self, x: Shape) -> Masking:
        return Masking.BY_LENGTH if _MODES[self.mode][0] else Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        return lengths

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if call.training:
            _flip(x, call.key, call.rows, *_MODES[self.mode], y)
        else:
            y[...] = x

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            self.forward(w, dy, dx, call)
