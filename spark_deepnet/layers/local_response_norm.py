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
def _powers(s, beta, out):  # type: ignore[no-untyped-def]
    """out_c = s_c^-beta; the papers' beta is 0.75, for which square roots suffice. NaN if the squares were too large for
    s"""
    if beta == 0.75:
        for c in range(s.size):
            out[c] = np.sqrt(np.sqrt(s[c])) / s[c]
    else:
        for c in range(s.size):
            out[c] = s[c] ** -beta if s[c] < np.inf else s[c] - s[c]


@kernel
def _across(v, size, first, step, out):  # type: ignore[no-untyped-def]
    """out_c = first + step sum of v_c' over the size channels around c, a distance at a time for all channels"""
    for c in range(v.size):
        out[c] = v[c]
    for d in range(1, min(size // 2 + 1, v.size)):
        for c in range(v.size - d):
            out[c] += v[c + d]
        for c in range(d, v.size):
            out[c] += v[c - d]
    for c in range(v.size):
        out[c] = first + step * out[c]


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
def _scale(x, s, beta, y):  # type: ignore[no-untyped-def]
    """y_c = x_c s_c^-beta"""
    _powers(s, beta, y)
    for c in range(x.size):
        y[c] = x[c] * y[c]


@kernel
def _forward_across(x, size, law, y, s):  # type: ignore[no-untyped-def]
    """s = k + step sum x^2   y = x s^-beta;   law: (k, step, beta)"""
    v = np.empty(x.shape[3], y.dtype)
    for n in range(x.shape[0]):
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                for c in range(v.size):
                    v[c] = x[n, h, w, c] * x[n, h, w, c]
                _across(v, size, law[0], law[1], s[n, h, w])
                _scale(x[n, h, w], s[n, h, w], law[2], y[n, h, w])


@kernel
def _forward_within(x, size, law, y, s):  # type: ignore[no-untyped-def]
    """The same, the sum over cells of a channel"""
    v = np.empty(x.shape[1:], y.dtype)
    for n in range(x.shape[0]):
        v[:] = x[n] * x[n]
        _within(v, size, law[0], law[1], s[n])
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                _scale(x[n, h, w], s[n, h, w], law[2], y[n, h, w])


@kernel
def _own(x, s, dy, beta, v, dx):  # type: ignore[no-untyped-def]
    """dx_c = dy_c s_c^-beta   v_c = dy_c x_c s_c^(-beta - 1)"""
    _powers(s, beta, v)
    for c in range(x.size):
        dx[c] = dy[c] * v[c]
    for c in range(x.size):
        v[c] = x[c] * dx[c] / s[c]


@kernel
def _backward_across(x, s, dy, size, law, dx):  # type: ignore[no-untyped-def]
    """dx = dy s^-beta - 2 step beta x sum (dy x s^(-beta - 1)), the sum over the same neighbours"""
    T = dx.dtype.type
    v, total = np.empty(x.shape[3], dx.dtype), np.empty(x.shape[3], dx.dtype)
    for n in range(x.shape[0]):
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                _own(x[n, h, w], s[n, h, w], dy[n, h, w], law[2], v, dx[n, h, w])
                _across(v, size, T(0), T(2) * law[1] * law[2], total)
                for c in range(v.size):
                    dx[n, h, w, c] -= x[n, h, w, c] * total[c]


@kernel
def _backward_within(x, s, dy, size, law, dx):  # type: ignore[no-untyped-def]
    """The same, the sum over cells of a channel"""
    T = dx.dtype.type
    v, total = np.empty(x.shape[1:], dx.dtype), np.empty(x.shape[1:], dx.dtype)
    for n in range(x.shape[0]):
        for h in range(x.shape[1]):
            for w in range(x.shape[2]):
                _own(x[n, h, w], s[n, h, w], dy[n, h, w], law[2], v[h, w], dx[n, h, w])
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
        forward = _forward_across if self.region == "across_channels" else _forward_within
        forward(x, self.size, self._law(x), y, call.saved["s"])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            backward = _backward_across if self.region == "across_channels" else _backward_within
            backward(x, call.saved["s"], dy, self.size, self._law(x), dx)

    def _law(self, x: np.ndarray) -> tuple[Any, ...]:
        """(k, alpha / m, beta)"""
        neighbours = self.size if self.region == "across_channels" else self.size * self.size
        return tuple(x.dtype.type(v) for v in (self.k, self.alpha / neighbours, self.beta))
