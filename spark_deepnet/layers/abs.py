"""Abs: the absolute value (Caffe's AbsVal)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Abs(Activation, kind="abs"):
    """y = |x|, any shape."""

    reads: ClassVar[str] = "x"

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        np.abs(x, out=y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        np.multiply(np.sign(x), dy, out=dx)
