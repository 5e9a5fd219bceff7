"""Log: the logarithm of a line (Caffe's Log)."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Log(Activation, kind="log"):
    """y = log_base(scale x + shift), any shape; base None: the natural logarithm. Below 0 it is NaN, at 0 -infinity."""

    base: float | None = None
    scale: float = 1.0
    shift: float = 0.0
    reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        check_numbers(self, "a finite number", "scale", "shift")
        if self.base is not None:
            check_numbers(self, "above 0", "base")
            if self.base == 1:
                raise ParamError("Log: base must not be 1, whose powers are all 1")

    @property
    def factor(self) -> float:
        """1 / ln base"""
        return 1.0 if self.base is None else 1 / log(self.base)

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        np.multiply(x, x.dtype.type(self.scale), out=y)
        y += y.dtype.type(self.shift)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.log(y, out=y)
        y *= y.dtype.type(self.factor)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        """dx = scale dy / (ln base (scale x + shift))"""
        np.multiply(x, x.dtype.type(self.scale), out=dx)
        dx += dx.dtype.type(self.shift)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(dx.dtype.type(self.scale * self.factor), dx, out=dx)
        dx *= dy
