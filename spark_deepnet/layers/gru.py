"""Gated recurrent unit (Cho et al., EMNLP 2014), the reset gate after the product (Keras's GRU with reset_after,
PyTorch's GRU)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.gates import gru_cell, gru_gradient
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import add_columns, add_gradients
from spark_deepnet.layers._recurrent import GRADIENT_STEPS, Recurrent, Unroll
from spark_deepnet.layers._recurrent_part import RecurrentPart, cut_units
from spark_deepnet.layers.layer import Arrays, Piece, Shape, Weight


@kernel
def _advance(first, last, U, b, a, g, m, seen, h):  # type: ignore[no-untyped-def]
    """The steps first..last - 1; g_s holds x_s W"""
    n, u = h.shape[1:]
    for s in range(first, last):
        gemm(seen[s], U, 0.0, a)
        gru_cell(g[s].reshape((n, 3, u)), a.reshape((n, 3, u)), b.reshape((2, 3, u)), m[s], h[s], h[s + 1])


@kernel
def _retreat(order, dy, first, truncate, back, g, m, h, dh, carried, d, e, db):  # type: ignore[no-untyped-def]
    """d_s and e_s from the last step to the first; db is added to"""
    n, u = dh.shape
    for k in range(d.shape[0] - 1, -1, -1):
        s = first + k
        add_gradients(dy, order, s, dh)
        gru_gradient(g[s].reshape((n, 3, u)), m[s], h[s], dh, d[k].reshape((n, 3, u)), e[k].reshape((n, 3, u)))
        add_columns(d[k], db[0])
        add_columns(e[k], db[1])
        if truncate > 0 and s % truncate == 0:
            dh[:] = 0
        elif s > 0:
            gemm(e[k], back, 1.0, carried)


@dataclass(frozen=True, repr=False)
class GRU(Recurrent, kind="gru"):
    """h_t = z h_t-1 + (1 - z) tanh(x W_h + b_0h + r (h_t-1 U_h + b_1h)),  z = sigmoid(x W_z + h_t-1 U_z + b_0z + b_1z),

    and so r.   x: (n, steps, i)   W = (W_z, W_r, W_h): (i, 3 units)   U: (units, 3 units)   b: (2, 3 units)
    y: (n, steps, units) with ``sequences``, else (n, units)
    """

    gates: ClassVar[int] = 3
    skips: ClassVar[bool] = True

    def weights(self, x: Shape) -> dict[str, Weight]:
        weights = super().weights(x)
        weights["b"] = replace(weights["b"], shape=(2, 3 * self.units))
        return weights

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        wide = 3 * self.units
        more: dict[str, tuple[Shape, Any]] = {
            "gates": ((x[0], wide), None),
            "m": ((x[0], self.units), None),
            "again": ((1, wide), None),
            "by_h": ((min(GRADIENT_STEPS, x[0]), wide), None),
        }
        return super().saves(x) | more

    def advance(self, w: Arrays, run: Unroll, first: int, last: int) -> None:
        state = (run.kept[name] for name in ("gates", "m", "seen", "h"))
        _advance(first, last, w["U"], w["b"], run.kept["again"][0], *state)

    def retreat(self, w: Arrays, run: Unroll, dy: np.ndarray, first: int, last: int, gradients: Arrays) -> None:
        kept = run.kept
        d, e = kept["by_x"][: last - first], kept["by_h"][: last - first]
        state = kept["gates"], kept["m"], kept["h"], kept["dh"][0], kept["carried"][0]
        _retreat(run.order, dy, first, self.truncate, kept["U^T"], *state, d, e, gradients["b"])

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        return cut_units(self, _Part, block, blocks)


@dataclass(frozen=True, repr=False)
class _Part(RecurrentPart, GRU):
    """A block's units of a GRU."""
