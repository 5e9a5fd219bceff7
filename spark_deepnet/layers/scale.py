"""Scale: a factor and an offset for each channel, as behind a normalization (Caffe's Scale and Bias)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.constant import Constant
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer, Weight

ONE = Constant(1.0)


@kernel
def _line(x, a, b, y):  # type: ignore[no-untyped-def]
    """y_pc = a_c x_pc + b_c"""
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[p, c] = a[c] * x[p, c] + b[c]


@kernel
def _backward_weights(x, dy, dgamma, dbeta):  # type: ignore[no-untyped-def]
    """dgamma_c = sum_p dy_pc x_pc   dbeta_c = sum_p dy_pc, float64"""
    dgamma[:] = 0
    dbeta[:] = 0
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            dgamma[c] += np.float64(dy[p, c]) * np.float64(x[p, c])
        for c in range(x.shape[1]):
            dbeta[c] += np.float64(dy[p, c])


@dataclass(frozen=True, repr=False)
class Scale(StepwiseLayer, kind="scale"):
    """y_c = gamma_c x_c + beta_c for each channel c of the last axis.

    x, y: (n, ..., channels)   gamma, beta: (channels,). ``scale=False`` leaves gamma out, ``center=False`` beta.
    """

    center: bool = True
    scale: bool = True
    initializer: Any = ONE
    bias_initializer: Any = "constant"
    channelwise: ClassVar[bool] = True

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: Shape) -> Shape:
        if not x:
            raise NetworkError("Scale runs over the channels of the last axis, but its input has none")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        gamma = {"gamma": Weight(x[-1:], Initializer.of(self.initializer), decays=False)} if self.scale else {}
        beta = {"beta": Weight(x[-1:], Initializer.of(self.bias_initializer), decays=False)} if self.center else {}
        return gamma | beta

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _line(_lines(x), *_factors(w, x), _lines(y))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        sums = dict(zip(("gamma", "beta"), np.empty((2, x.shape[-1])), strict=True))
        _backward_weights(_lines(x), _lines(dy), sums["gamma"], sums["beta"])
        for name, gradient in gradients.items():
            gradient[:] = sums[name]
        if dx is not None:
            gamma, beta = _factors(w, x)
            _line(_lines(dy), gamma, 0 * beta, _lines(dx))


def _factors(w: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """gamma and beta; ones and zeros for those that are left out."""
    channels = x.shape[-1]
    return w.get("gamma", np.ones(channels, x.dtype)), w.get("beta", np.zeros(channels, x.dtype))


def _lines(x: np.ndarray) -> np.ndarray:
    """x as a matrix of its channels, C-contiguous."""
    return np.ascontiguousarray(x).reshape(prod(x.shape[:-1]), x.shape[-1])
