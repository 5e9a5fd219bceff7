"""Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers, Schmidhuber and Cummins, 2000;
Keras's and PyTorch's LSTM)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import Order, add_columns, add_slopes
from spark_deepnet.kernels.stable import sigmoid, tanh
from spark_deepnet.layers._recurrent import Recurrent, kept_of
from spark_deepnet.layers._sequences import check_flags
from spark_deepnet.layers.layer import Arrays, Call, Shape, Weight


@kernel
def _peep(p, c, a):  # type: ignore[no-untyped-def]
    """a_j += p_j c_j"""
    for j in range(c.size):
        a[j] += p[j] * c[j]


@kernel
def _sigmoids(b, a):  # type: ignore[no-untyped-def]
    """a_j = sigmoid(a_j + b_j)"""
    for j in range(a.size):
        a[j] = sigmoid(a[j] + b[j])


@kernel
def _tanhs(b, a):  # type: ignore[no-untyped-def]
    """a_j = tanh(a_j + b_j)"""
    for j in range(a.size):
        a[j] = tanh(a[j] + b[j])


@kernel
def _cell(g, b, p, before, c, h):  # type: ignore[no-untyped-def]
    """One step: the gates g, in place, the new cell c from the one before, and the state h.   before, c, h: (n, u)"""
    u = c.shape[1]
    for n in range(c.shape[0]):
        row, c0, c1, h1 = g[n], before[n], c[n], h[n]
        if len(p):
            _peep(p[0], c0, row[:u])
            _peep(p[1], c0, row[u : 2 * u])
        _sigmoids(b[: 2 * u], row[: 2 * u])
        _tanhs(b[2 * u : 3 * u], row[2 * u : 3 * u])
        for j in range(u):
            c1[j] = row[u + j] * c0[j] + row[j] * row[2 * u + j]
        if len(p):
            _peep(p[2], c1, row[3 * u :])
        _sigmoids(b[3 * u :], row[3 * u :])
        for j in range(u):
            h1[j] = row[3 * u + j] * tanh(c1[j])


@kernel
def _advance(first, last, U, b, p, g, c, h):  # type: ignore[no-untyped-def]
    """The steps first..last - 1; g_s holds x_s W"""
    for s in range(first, last):
        gemm(h[s], U, 1.0, g[s])
        _cell(g[s], b, p, c[s], c[s + 1], h[s + 1])


@kernel
def _slope(g, p, before, c, dh, dc, d):  # type: ignore[no-untyped-def]
    """One step: d, the slopes before the gates' functions; dc, by the new cell at first, becomes that by the one before"""
    u, one = c.shape[1], c.dtype.type(1)
    for n in range(c.shape[0]):
        row, e, c0, c1, dhn, dcn = g[n], d[n], before[n], c[n], dh[n], dc[n]
        for j in range(u):
            o, t = row[3 * u + j], tanh(c1[j])
            e[3 * u + j] = dhn[j] * t * o * (one - o)
            dcn[j] += dhn[j] * o * (one - t * t)
        if len(p):
            _peep(p[2], e[3 * u :], dcn)
        for j in range(u):
            i, f, a = row[j], row[u + j], row[2 * u + j]
            e[j] = dcn[j] * a * i * (one - i)
            e[u + j] = dcn[j] * c0[j] * f * (one - f)
            e[2 * u + j] = dcn[j] * i * (one - a * a)
        for j in range(u):
            dcn[j] *= row[u + j]
        if len(p):
            _peep(p[0], e[:u], dcn)
            _peep(p[1], e[u : 2 * u], dcn)


@kernel
def _add_peeped(d, before, c, dp):  # type: ignore[no-untyped-def]
    """dp_k += sum_n d_k[n] times the cell that gate k sees: i and f the one before, o the new one"""
    u = c.shape[1]
    for n in range(c.shape[0]):
        _peep(before[n], d[n, :u], dp[0])
        _peep(before[n], d[n, u : 2 * u], dp[1])
        _peep(c[n], d[n, 3 * u :], dp[2])


@kernel
def _retreat(order, dy, first, truncate, U, p, g, c, dh, dc, d, db, dp):  # type: ignore[no-untyped-def]
    """d_s by the gates' sums, from the last step to the first; db and dp are added to"""
    for k in range(d.shape[0] - 1, -1, -1):
        s = first + k
        add_slopes(dy, order, s, dh)
        _slope(g[s], p, c[s], c[s + 1], dh, dc, d[k])
        add_columns(d[k], db)
        if len(p):
            _add_peeped(d[k], c[s], c[s + 1], dp)
        if truncate > 0 and s % truncate == 0:
            dh[:] = 0
            dc[:] = 0
        elif s > 0:
            gemm(d[k], U.T, 0.0, dh)


@dataclass(frozen=True, repr=False)
class _ForgetBias(Initializer):
    """b = (0, forget, 0, 0) for the gates i, f, c, o"""

    forget: float

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        out.reshape(4, -1)[...] = np.array([0, self.forget, 0, 0])[:, None]


@dataclass(frozen=True, repr=False)
class Lstm(Recurrent, kind="lstm"):
    """c_t = f c_t-1 + i g,  h_t = o tanh(c_t),  g = tanh(a_c),  i = sigmoid(a_i), and so f and o,

    where (a_i, a_f, a_c, a_o) = x_t W + h_t-1 U + b; with ``peepholes`` (Gers and Schmidhuber, 2000) a_i, a_f and a_o also
    see p_0 c_t-1, p_1 c_t-1 and p_2 c_t.   x: (n, steps, i)   W: (i, 4 units)   U: (units, 4 units)   b: (4 units,)
    p: (3, units)   y: (n, steps, units) with ``sequences``, else (n, units)

    ``forget_bias``: where the forget gate's b starts, so that a new layer remembers (Jozefowicz et al., ICML 2015).
    """

    forget_bias: float = 1.0
    peepholes: bool = False
    gates: ClassVar[int] = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flags(self, "peepholes")
        check_numbers(self, "a finite number", "forget_bias")

    def weights(self, x: Shape) -> dict[str, Weight]:
        found = super().weights(x)
        found["b"] = replace(found["b"], initializer=_ForgetBias(self.forget_bias))
        if self.peepholes:
            start = Initializer.of(self.initializer)
            found["p"] = Weight((3, self.units), start, self.units, self.units, decays=False)
        return found

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        more: dict[str, tuple[Shape, Any]] = {
            "gates": ((x[0], 4 * self.units), None),
            "c": ((x[0] + 1, self.units), None),
            "dc": ((1, self.units), None),
        }
        return super().saves(x) | more

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        kept_of(call, len(x))["c"][0] = 0
        super().forward(w, x, y, call)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        call.saved["dc"][...] = 0
        super().backward(w, x, y, dy, dx, slopes, call)

    def advance(self, w: Arrays, kept: Arrays, order: Order, first: int, last: int) -> None:
        _advance(first, last, w["U"], w["b"], self._peepholes(w), kept["gates"], kept["c"], kept["h"])

    def retreat(
        self, w: Arrays, kept: Arrays, order: Order, dy: np.ndarray, first: int, last: int, slopes: Arrays
    ) -> tuple[np.ndarray, np.ndarray]:
        d, p, dp = kept["slopes"][: last - first], self._peepholes(w), self._peepholes(slopes)
        state = kept["gates"], kept["c"], kept["dh"][0], kept["dc"][0]
        _retreat(order, dy, first, self.truncate, w["U"], p, *state, d, slopes["b"], dp)
        return d, d

    def _peepholes(self, w: Arrays) -> np.ndarray:
        """p, or no rows of it."""
        return w["p"] if self.peepholes else w["U"][:0]
