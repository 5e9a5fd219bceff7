"""Gated recurrent unit (Cho et al., EMNLP 2014), the reset gate after the product (Keras's GRU with reset_after,
PyTorch's GRU)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import Order, add_columns, add_slopes
from spark_deepnet.kernels.stable import sigmoid, tanh
from spark_deepnet.layers._recurrent import STEPS, Recurrent
from spark_deepnet.layers.layer import Arrays, Shape, Weight


@kernel
def _cell(g, a, b, m, before, h):  # type: ignore[no-untyped-def]
    """One step: the gates g, x W at first, in place, from a = h U; m = a_h + its bias; the new state h."""
    u = h.shape[1]
    for n in range(h.shape[0]):
        row, again, mn, h0, h1 = g[n], a[n], m[n], before[n], h[n]
        for j in range(2 * u):
            row[j] = sigmoid(row[j] + again[j] + (b[0, j] + b[1, j]))
        for j in range(u):
            mn[j] = again[2 * u + j] + b[1, 2 * u + j]
        for j in range(u):
            row[2 * u + j] = tanh(row[2 * u + j] + b[0, 2 * u + j] + row[u + j] * mn[j])
        for j in range(u):
            h1[j] = row[2 * u + j] + row[j] * (h0[j] - row[2 * u + j])


@kernel
def _advance(first, last, U, b, a, g, m, h):  # type: ignore[no-untyped-def]
    """The steps first..last - 1; g_s holds x_s W"""
    for s in range(first, last):
        gemm(h[s], U, 0.0, a)
        _cell(g[s], a, b, m[s], h[s], h[s + 1])


@kernel
def _slope(g, m, before, dh, d, e):  # type: ignore[no-untyped-def]
    """One step: d by x W and e by h U, which differ in the last third; dh becomes what flows back past the gates"""
    u, one = before.shape[1], before.dtype.type(1)
    for n in range(before.shape[0]):
        row, mn, h0, dhn, dn, en = g[n], m[n], before[n], dh[n], d[n], e[n]
        for j in range(u):
            z, t = row[j], row[2 * u + j]
            dn[j] = dhn[j] * (h0[j] - t) * z * (one - z)
            dn[2 * u + j] = dhn[j] * (one - z) * (one - t * t)
        for j in range(u):
            r = row[u + j]
            dn[u + j] = dn[2 * u + j] * mn[j] * r * (one - r)
            en[2 * u + j] = dn[2 * u + j] * r
        for j in range(2 * u):
            en[j] = dn[j]
        for j in range(u):
            dhn[j] *= row[j]


@kernel
def _retreat(order, dy, first, truncate, U, g, m, h, dh, d, e, db):  # type: ignore[no-untyped-def]
    """d_s and e_s from the last step to the first; db is added to"""
    for k in range(d.shape[0] - 1, -1, -1):
        s = first + k
        add_slopes(dy, order, s, dh)
        _slope(g[s], m[s], h[s], dh, d[k], e[k])
        add_columns(d[k], db[0])
        add_columns(e[k], db[1])
        if truncate > 0 and s % truncate == 0:
            dh[:] = 0
        elif s > 0:
            gemm(e[k], U.T, 1.0, dh)


@dataclass(frozen=True, repr=False)
class Gru(Recurrent, kind="gru"):
    """h_t = z h_t-1 + (1 - z) tanh(x W_h + b_0h + r (h_t-1 U_h + b_1h)),  z = sigmoid(x W_z + h_t-1 U_z + b_0z + b_1z),

    and so r.   x: (n, steps, i)   W = (W_z, W_r, W_h): (i, 3 units)   U: (units, 3 units)   b: (2, 3 units)
    y: (n, steps, units) with ``sequences``, else (n, units)
    """

    gates: ClassVar[int] = 3

    def weights(self, x: Shape) -> dict[str, Weight]:
        found = super().weights(x)
        found["b"] = replace(found["b"], shape=(2, 3 * self.units))
        return found

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        wide = 3 * self.units
        more: dict[str, tuple[Shape, Any]] = {
            "gates": ((x[0], wide), None),
            "m": ((x[0], self.units), None),
            "again": ((1, wide), None),
            "slopes_again": ((min(STEPS, x[0]), wide), None),
        }
        return super().saves(x) | more

    def advance(self, w: Arrays, kept: Arrays, order: Order, first: int, last: int) -> None:
        _advance(first, last, w["U"], w["b"], kept["again"][0], kept["gates"], kept["m"], kept["h"])

    def retreat(
        self, w: Arrays, kept: Arrays, order: Order, dy: np.ndarray, first: int, last: int, slopes: Arrays
    ) -> tuple[np.ndarray, np.ndarray]:
        d, e = kept["slopes"][: last - first], kept["slopes_again"][: last - first]
        state = kept["gates"], kept["m"], kept["h"], kept["dh"][0]
        _retreat(order, dy, first, self.truncate, w["U"], *state, d, e, slopes["b"])
        return d, e
