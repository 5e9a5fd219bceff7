"""Dropout: random units are set to 0 in each training step (Srivastava et al., JMLR 2014)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.random import bits
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, rows_of


@kernel
def _forward(x, key, rows, limit, scale, kept, y):  # type: ignore[no-untyped-def]
    """y_nj = c x_nj where the j-th random number of row n is not below the limit, else 0"""
    T = y.dtype.type
    zero, c = T(0), T(scale)
    for n in range(x.shape[0]):
        row_key = bits(key, rows[n])
        for j in range(x.shape[1]):
            kept[n, j] = bits(row_key, np.uint64(j)) >= limit
            y[n, j] = c * x[n, j] if kept[n, j] else zero


@kernel
def _forward_at(x, key, rows, places, limit, scale, kept, y):  # type: ignore[no-untyped-def]
    """The same, if x_nj has the place places_j in the whole row: slower by half"""
    T = y.dtype.type
    zero, c = T(0), T(scale)
    for n in range(x.shape[0]):
        row_key = bits(key, rows[n])
        for j in range(x.shape[1]):
            kept[n, j] = bits(row_key, places[j]) >= limit
            y[n, j] = c * x[n, j] if kept[n, j] else zero


@kernel
def _backward(kept, dy, scale, dx):  # type: ignore[no-untyped-def]
    """dx_nj = c dy_nj where unit j of row n was kept, else 0"""
    T = dx.dtype.type
    zero, c = T(0), T(scale)
    for n in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            dx[n, j] = c * dy[n, j] if kept[n, j] else zero


@dataclass(frozen=True, repr=False)
class Dropout(StepwiseLayer, kind="dropout"):
    """In training y = x / (1 - rate) for the units that are kept and 0 for a share ``rate`` of them, drawn in each
    step; otherwise y = x. Any shape. Which units are dropped depends on the step and the row, not on the rank that
    computes it.
    """

    rate: float
    reads: ClassVar[str] = ""
    is_random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ParamError(f"Dropout: rate must be at least 0 and below 1, found {self.rate}")

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray]:
        places = np.arange(prod(x[:-1]), dtype=np.uint64)[:, None] * np.uint64(x[-1]) + entries.astype(np.uint64)
        return Piece(_Part(self.rate, places=places.reshape(-1))), entries

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"kept": (x, np.uint8)} if self.rate > 0 else {}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        if self.rate == 0 or not call.training:
            y[...] = x
            return
        x, kept, y = (rows_of(a, a.shape[1:]) for a in (x, call.saved["kept"], y))
        self._draw(call, x, kept, y)

    def _draw(self, call: Call, x: np.ndarray, kept: np.ndarray, y: np.ndarray) -> None:
        _forward(x, call.key, call.rows, np.uint64(self.rate * 2.0**64), 1 / (1 - self.rate), kept, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is None:
            return
        if self.rate == 0 or not call.training:
            dx[...] = dy
            return
        kept, dy, dx = (rows_of(a, a.shape[1:]) for a in (call.saved["kept"], dy, dx))
        _backward(kept, dy, 1 / (1 - self.rate), dx)


@dataclass(frozen=True, repr=False, eq=False)
class _Part(Dropout):
    """Dropout of some of a row's numbers, each as the whole row would have it."""

    places: np.ndarray = field(kw_only=True)
    """The places of the numbers in the whole row; a shorter sequence has the first of them."""

    def _draw(self, call: Call, x: np.ndarray, kept: np.ndarray, y: np.ndarray) -> None:
        limit, places = np.uint64(self.rate * 2.0**64), self.places[: x.shape[1]]
        _forward_at(x, call.key, call.rows, places, limit, 1 / (1 - self.rate), kept, y)
