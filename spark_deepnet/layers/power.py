"""Power: a power of a line (Caffe's Power; square, square root and reciprocal are 2, 0.5 and -1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Power(Activation, kind="power"):
    """y = (scale x + shift)^power, any shape. Below 0 a power that is not whole gives NaN."""

    power: float = 1.0
    scale: float = 1.0
    shift: float = 0.0
    reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        check_numbers(self, "a finite number", "power", "scale", "shift")

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        self._raised(x, self.power, y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        """dx = power scale (scale x + shift)^(power - 1) dy; 0 where the power is 0"""
        factor = self.power * self.scale
        if factor == 0:
            dx[...] = 0
            return
        self._raised(x, self.power - 1, dx)
        with np.errstate(over="ignore"):
            dx *= dx.dtype.type(factor)
            dx *= dy

    def _raised(self, x: np.ndarray, power: float, out: np.ndarray) -> None:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            np.multiply(x, x.dtype.type(self.scale), out=out)
            out += out.dtype.type(self.shift)
            np.power(out, out.dtype.type(power), out=out)
