"""A simple recurrent layer: the state is fed back (Elman, Cognitive Science 1990; Keras's SimpleRNN, PyTorch's RNN)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import add_columns, add_gradients
from spark_deepnet.kernels.stable import tanh
from spark_deepnet.layers._recurrent import Recurrent, Unroll
from spark_deepnet.layers._recurrent_part import RecurrentPart, cut_units
from spark_deepnet.layers.layer import Arrays, Piece, Shape


@kernel
def _state(lengths, s, b, relu, h):  # type: ignore[no-untyped-def]
    """h[n, j] = f(h[n, j] + b_j), or 0 from the row's length on, where a relu might grow without end"""
    zero = h.dtype.type(0)
    for n in range(h.shape[0]):
        row = h[n]
        if s >= lengths[n]:
            row[:] = zero
        elif relu:
            for j in range(row.size):
                row[j] = max(row[j] + b[j], zero)
        else:
            for j in range(row.size):
                row[j] = tanh(row[j] + b[j])


@kernel
def _advance(lengths, first, last, U, b, relu, seen, h):  # type: ignore[no-untyped-def]
    """h_s+1 = f(x_s W + h_s U + b); x W lies in the place of the new states"""
    for s in range(first, last):
        gemm(seen[s], U, 1.0, h[s + 1])
        _state(lengths, s, b, relu, h[s + 1])


@kernel
def _gradient(h, dh, relu, d):  # type: ignore[no-untyped-def]
    """d = f' dh, from the new state h = f"""
    zero, one = d.dtype.type(0), d.dtype.type(1)
    for n in range(h.shape[0]):
        for j in range(h.shape[1]):
            up = (one if h[n, j] > zero else zero) if relu else one - h[n, j] * h[n, j]
            d[n, j] = up * dh[n, j]


@kernel
def _retreat(order, dy, first, truncate, back, relu, h, dh, carried, d, db):  # type: ignore[no-untyped-def]
    """d_s = f' (dy_s + d_s+1 U^T), db = sum of d_s"""
    for k in range(d.shape[0] - 1, -1, -1):
        s = first + k
        add_gradients(dy, order, s, dh)
        _gradient(h[s + 1], dh, relu, d[k])
        add_columns(d[k], db)
        if truncate > 0 and s % truncate == 0:
            dh[:] = 0
        elif s > 0:
            gemm(d[k], back, 0.0, carried)


@dataclass(frozen=True, repr=False)
class SimpleRNN(Recurrent, kind="simple_rnn"):
    """h_t = f(x_t W + h_t-1 U + b).   x: (n, steps, i)   W: (i, units)   U: (units, units)   b: (units,)

    y: (n, steps, units) with ``sequences``, else (n, units). ``activation`` f is "tanh" or "relu".
    """

    activation: Any = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ("tanh", "relu"):
            raise ParamError(f"SimpleRNN: activation must be 'tanh' or 'relu', found {self.activation!r}")

    def products(self, kept: Arrays) -> np.ndarray:
        return kept["h"][1:]

    def advance(self, w: Arrays, run: Unroll, first: int, last: int) -> None:
        relu, kept = self.activation == "relu", run.kept
        _advance(run.order.lengths, first, last, w["U"], w["b"], relu, kept["seen"], kept["h"])

    def retreat(self, w: Arrays, run: Unroll, dy: np.ndarray, first: int, last: int, gradients: Arrays) -> None:
        relu, kept = self.activation == "relu", run.kept
        state = kept["h"], kept["dh"][0], kept["carried"][0], kept["by_x"][: last - first]
        _retreat(run.order, dy, first, self.truncate, kept["U^T"], relu, *state, gradients["b"])

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        return cut_units(self, _Part, block, blocks)


@dataclass(frozen=True, repr=False)
class _Part(RecurrentPart, SimpleRNN):
    """A block's units of a SimpleRNN."""
