"""Local response normalization (Krizhevsky et al., NIPS 2012; Caffe's LRN)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError, check_numbers
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._windows import check_count, check_image
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer


@kernel
def _power(s, beta):  # type: ignore[no-untyped-def]
    """s^-beta; the papers' beta is 0.75, for which square roots suffice. NaN if the squares were too large for s"""
    if beta == 0.75:
        return np.sqrt(np.sqrt(s)) / s
    return s**-beta if s < np.inf else s - s


@kernel
def _across(v, size, first, step, out):  # type: ignore[no-untyped-def]
    """out[h, w, c] = first + step sum of v[h, w, c'] over the size channels around c"""
    half = size // 2
    for h in range(v.shape[0]):
        for w in range(v.shape[1]):
            for c in range(v.shape[2]):
                total = v.dtype.type(0)
                for d in range(max(0, c - half), min(v.shape[2], c + half + 1)):
                    total += v[h, w, d]
                out[h, w, c] = first + step * total


@kernel
def _within(v, size, first, step, out):  # type: ignore[no-untyped-def]
    """out[h, w, c] = first + step sum of v[h', w', c] over the size x size cells around (h, w)"""
    half = size // 2
    for h in range(v.shape[0]):
        for w in range(v.shape[1]):
            for c in range(v.shape[2]):
                out[h, w, c] = first
            for i in range(max(0, h - half), min(v.shape[0], h + half + 1)):
                for j in range(max(0, w - half), min(v.shape[1], w + half + 1)):
                    for c in range(v.shape[2]):
                        out[h, w, c] += step * v[i, j, c]


@kernel
def _forward(x, size, across, law, y, s):  # type: ignore[no-untyped-def]
    """s = k + step sum x^2   y = x s^-beta;   law: (k, step, beta)"""
    v = np.empty(x.shape[1:], y.dtype)
    for n in range(x.shape[0]):
        v[:] = x[n] * x[n]
        if across:
            _across(v, size, law[0], law[1], s[n])
        else:
            _within(v, size, law[0], law[1], s[n])
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                for c in range(x.shape[3]):
                    y[n, h, w, c] = x[n, h, w, c] * _power(s[n, h, w, c], law[2])


@kernel
def _backward(x, s, dy, size, across, law, dx):  # type: ignore[no-untyped-def]
    """dx = dy s^-beta - 2 step beta x sum (dy x s^(-beta - 1)), the sum over the same neighbours"""
    T = dx.dtype.type
    v, total = np.empty(x.shape[1:], dx.dtype), np.empty(x.shape[1:], dx.dtype)
    for n in range(x.shape[0]):
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                for c in range(x.shape[3]):
                    own = _power(s[n, h, w, c], law[2])
                    v[h, w, c] = dy[n, h, w, c] * x[n, h, w, c] * own / s[n, h, w, c]
                    dx[n, h, w, c] = dy[n, h, w, c] * own
        if across:
            _across(v, size, T(0), T(2) * law[1] * law[2], total)
        else:
            _within(v, size, T(0), T(2) * law[1] * law[2], total)
        dx[n] -= x[n] * total


@dataclass(frozen=True, repr=False)
class LocalResponseNorm(StepwiseLayer, kind="local_response_norm"):
    """y = x / (k + alpha / m sum x'^2)^beta, x' being the m neighbours: ``size`` channels around x's own at its place
    (region "across_channels"), or size x size cells around x in its channel ("within_channel"); 0 beyond the edge.

    x, y: (n, height, width, channels); the defaults are Caffe's.
    """

    size: int = 5
    alpha: float = 1.0
    beta: float = 0.75
    k: float = 1.0
    region: str = "across_channels"

    def __post_init__(self) -> None:
        check_count(self, "size")
        check_numbers(self, "at least 0", "alpha", "beta")
        check_numbers(self, "above 0", "k")
        if self.size % 2 == 0:
            raise ParamError(f"LocalResponseNorm: size must be odd, found {self.size}")
        if self.region not in ("across_channels", "within_channel"):
            raise ParamError(
                f"LocalResponseNorm: region must be 'across_channels' or 'within_channel', found {self.region!r}"
            )

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return x

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"s": (x, None)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(x, self.size, *self._law(x), y, call.saved["s"])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _backward(x, call.saved["s"], dy, self.size, *self._law(x), dx)

    def _law(self, x: np.ndarray) -> tuple[bool, tuple[Any, ...]]:
        across = self.region == "across_channels"
        neighbours = self.size if across else self.size * self.size
        return across, tuple(x.dtype.type(v) for v in (self.k, self.alpha / neighbours, self.beta))
