"""Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers, Schmidhuber and Cummins, 2000;
Keras's and PyTorch's LSTM)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import check_numbers
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.gates import add_peeped, lstm_cell, lstm_gradient
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import add_columns, add_gradients
from spark_deepnet.layers._recurrent import Recurrent, Unroll
from spark_deepnet.layers._recurrent_part import RecurrentPart, cut_units
from spark_deepnet.layers._sequences import check_flags
from spark_deepnet.layers.layer import Arrays, Piece, Shape, Weight


@kernel
def _advance(first, last, U, b, p, g, c, seen, h):  # type: ignore[no-untyped-def]
    """The steps first..last - 1; g_s holds x_s W"""
    n, u = h.shape[1:]
    for s in range(first, last):
        if s > 0:
            gemm(seen[s], U, 1.0, g[s])
        lstm_cell(g[s].reshape((n, 4, u)), b.reshape((4, u)), p, c[s], c[s + 1], h[s + 1])


@kernel
def _retreat(order, dy, first, truncate, back, p, g, c, dh, dc, carried, d, db, dp):  # type: ignore[no-untyped-def]
    """d_s by the gates' sums, from the last step to the first; db and dp are added to"""
    n, u = dh.shape
    for k in range(d.shape[0] - 1, -1, -1):
        s = first + k
        add_gradients(dy, order, s, dh)
        e = d[k].reshape((n, 4, u))
        lstm_gradient(g[s].reshape((n, 4, u)), p, c[s], c[s + 1], dh, dc, e)
        add_columns(d[k], db)
        if len(p):
            add_peeped(e, c[s], c[s + 1], dp)
        if truncate > 0 and s % truncate == 0:
            dh[:] = 0
            dc[:] = 0
        elif s > 0:
            gemm(d[k], back, 0.0, carried)


@dataclass(frozen=True, repr=False)
class _ForgetBias(Initializer):
    """b = (0, forget, 0, 0) for the gates i, f, c, o"""

    forget: float

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        out.reshape(4, -1)[...] = np.array([0, self.forget, 0, 0])[:, None]


@dataclass(frozen=True, repr=False)
class LSTM(Recurrent, kind="lstm"):
    """c_t = f c_t-1 + i g,  h_t = o tanh(c_t),  g = tanh(a_c),  i = sigmoid(a_i), and so f and o,

    where (a_i, a_f, a_c, a_o) = x_t W + h_t-1 U + b; with ``peepholes`` (Gers and Schmidhuber, 2000) a_i, a_f and a_o also
    see p_0 c_t-1, p_1 c_t-1 and p_2 c_t.   x: (n, steps, i)   W: (i, 4 units)   U: (units, 4 units)   b: (4 units,)
    p: (3, units)   y: (n, steps, units) with ``sequences``, else (n, units)

    ``forget_bias``: the initial b of the forget gate, so that a new layer remembers (Jozefowicz et al., ICML 2015).
    """

    forget_bias: float = 1.0
    peepholes: bool = False
    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flags(self, "peepholes")
        check_numbers(self, "a finite number", "forget_bias")

    def weights(self, x: Shape) -> dict[str, Weight]:
        weights = super().weights(x)
        weights["b"] = replace(weights["b"], initializer=_ForgetBias(self.forget_bias))
        if self.peepholes:
            start = Initializer.of(self.initializer)
            weights["p"] = Weight((3, self.units), start, self.units, self.units, decays=False)
        return weights

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return super().saves(x) | {"gates": ((x[0], 4 * self.units), None)}

    def advance(self, w: Arrays, run: Unroll, first: int, last: int) -> None:
        state = (run.kept[name] for name in ("gates", "c", "seen", "h"))
        _advance(first, last, w["U"], w["b"], self._peepholes(w), *state)

    def retreat(self, w: Arrays, run: Unroll, dy: np.ndarray, first: int, last: int, gradients: Arrays) -> None:
        kept, p, dp = run.kept, self._peepholes(w), self._peepholes(gradients)
        state = kept["gates"], kept["c"], kept["dh"][0], kept["dc"][0], kept["carried"][0], kept["by_x"][: last - first]
        _retreat(run.order, dy, first, self.truncate, kept["U^T"], p, *state, gradients["b"], dp)

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        return cut_units(self, _Part, block, blocks)

    def _peepholes(self, w: Arrays) -> np.ndarray:
        """p, or an array without rows."""
        return w["p"] if self.peepholes else w["U"][:0]


@dataclass(frozen=True, repr=False)
class _Part(RecurrentPart, LSTM):
    """A block's units of an LSTM."""
