"""Clip: numbers kept between two bounds, such as 0 and 6 (Caffe's and ONNX's Clip)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.layers.layer import Activation


@dataclass(frozen=True, repr=False)
class Clip(Activation, kind="clip"):
    """y = min(max(x, low), high), any shape; None: no bound. Numbers beyond a bound get no gradient, those on it do."""

    low: float | None = None
    high: float | None = None
    reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        check_numbers(self, "a finite number", *(name for name in ("low", "high") if getattr(self, name) is not None))
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ParamError(f"Clip: low must be at most high, found low={self.low}, high={self.high}")

    @property
    def bounds(self) -> tuple[float, float]:
        return (-np.inf if self.low is None else self.low, np.inf if self.high is None else self.high)

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        low, high = map(x.dtype.type, self.bounds)
        np.clip(x, low, high, out=y)

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        low, high = map(x.dtype.type, self.bounds)
        np.multiply((x >= low) & (x <= high), dy, out=dx)
