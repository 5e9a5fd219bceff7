"""Instance normalization: each channel of each row by its own mean and variance (Ulyanov, Vedaldi and Lempitsky, 2016;
Keras's GroupNormalization with groups=-1, Caffe's MVN)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, check_numbers
from spark_deepnet.initializers.constant import Constant
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape, Weight


@dataclass(frozen=True, repr=False)
class InstanceNorm(Layer, kind="instance_norm"):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over all axes of a row but the last.

    x, y: (n, ..., channels)   gamma, beta: (channels,). ``scale=False`` leaves gamma out, ``center=False`` beta. For
    Caffe's MVN: ``outside`` divides by standard deviation + epsilon, ``variance=False`` subtracts the mean alone, and
    ``across`` takes mean and variance over the channels too. Moments are computed in float64.
    """

    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    variance: bool = True
    outside: bool = False
    across: bool = False
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, "above 0", "epsilon")

    def shape(self, x: Shape) -> Shape:
        if len(x) < 2:
            raise NetworkError(f"InstanceNorm takes rows of two axes or more, the last of channels, found {x}")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        gamma = {"gamma": Weight(x[-1:], Constant(1.0), decays=False)} if self.scale else {}
        beta = {"beta": Weight(x[-1:], Constant(), decays=False)} if self.center else {}
        return gamma | beta

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return None if self.across else super().cut_through(x, entries)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x = _cells(x)
        d, r, _ = self._moments(x)
        d *= r * w.get("gamma", 1.0)
        d += w.get("beta", 0.0)
        _cells(y)[...] = d

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        """dx = r (g - mean g) - s d mean (g d),   d = x - mean, g = gamma dy, r and s as _moments has them"""
        x, dy = _cells(x), _cells(dy)
        d, r, s = self._moments(x)
        sums = {"gamma": np.sum(d * r * dy, axis=(0, 1)), "beta": np.sum(dy, axis=(0, 1), dtype=np.float64)}
        for name, gradient in gradients.items():
            gradient[:] = sums[name]
        if dx is not None:
            g = dy * w.get("gamma", np.float64(1))
            turn = s * self._mean(g * d)
            _cells(dx)[...] = r * (g - self._mean(g)) - turn * d

    def _moments(self, x: np.ndarray) -> tuple[np.ndarray, Any, Any]:
        """(x - mean, r, s): what that is multiplied by, and -dr / dv where v is half the variance."""
        d = x - self._mean(x)
        if not self.variance:
            return d, 1.0, 0.0
        v = self._mean(d * d)
        if not self.outside:
            r = 1 / np.sqrt(v + self.epsilon)
            return d, r, r**3
        deviation = np.sqrt(v)
        r = 1 / (deviation + self.epsilon)
        return d, r, r**2 / np.where(deviation > 0, deviation, np.inf)

    def _mean(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(np.mean(x, axis=(1, 2) if self.across else 1, keepdims=True, dtype=np.float64))


def _cells(x: np.ndarray) -> np.ndarray:
    """(n, cells, channels); a view where x is C-contiguous."""
    return x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])
