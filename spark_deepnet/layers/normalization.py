"""Normalization: subtracts the mean of the training rows and divides by their deviation (Keras's Normalization,
scikit-learn's StandardScaler)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.constant import Constant
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer, Weight


@dataclass(frozen=True, repr=False)
class Normalization(StepwiseLayer, kind="normalization"):
    """y_c = (x_c - mean_c) / deviation_c for each channel c of the last axis, 0 where deviation_c = 0; with ``invert``
    y_c = deviation_c x_c + mean_c.

    x, y: (n, ..., channels)   mean, deviation: (channels,), which no step changes. A fit sets them before its first step
    if ``adapt``: behind an input to the weighted mean and the square root of the weighted variance, divided by the sum of
    weights, of the training rows (and their cells and real steps); with ``invert``, at the top of an output, to those of
    its targets. The sums are exact, so neither the order of the rows nor the number of workers changes them. A channel
    that is the same in all training rows has a deviation of 0, and counts for nothing. ``adapt=False``: they stay what the
    initial model gives.
    """

    invert: bool = False
    adapt: bool = True
    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: Shape) -> Shape:
        if not x:
            raise NetworkError("Normalization runs over the channels of the last axis, but its input has none")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        mean, deviation = (Weight(x[-1:], Constant(v), decays=False, trained=False, rate=0.0) for v in (0.0, 1.0))
        return {"mean": mean, "deviation": deviation}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if self.invert:
            np.multiply(x, w["deviation"], out=y)
            y += w["mean"]
        else:
            np.subtract(x, w["mean"], out=y)
            y *= factor_of(w["deviation"])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        for gradient in gradients.values():
            gradient[...] = 0
        if dx is not None:
            np.multiply(dy, w["deviation"] if self.invert else factor_of(w["deviation"]), out=dx)


def factor_of(deviation: np.ndarray) -> np.ndarray:
    """1 / deviation; 0 where that is not finite."""
    with np.errstate(divide="ignore", over="ignore"):
        factor = 1 / deviation
    factor[~np.isfinite(factor)] = 0
    return np.asarray(factor)
