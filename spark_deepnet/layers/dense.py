"""Dense: every output depends on every input (Keras's Dense, Caffe's InnerProduct, PyTorch's Linear)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.products import is_cut, multiply
from spark_deepnet.kernels.sparse import add_product, outer_rows
from spark_deepnet.layers._csr import Csr
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, Weight, share_of


@kernel
def _forward(x, W, b, y):  # type: ignore[no-untyped-def]
    """y[n, o] = sum_i x[n, i] W[i, o] + b[o]"""
    for n in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[n, o] = b[o]
    gemm(x, W, 1.0, y)


@kernel
def _bias_gradients(dy, db):  # type: ignore[no-untyped-def]
    """db[o] = sum_n dy[n, o]"""
    db[:] = 0
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            db[o] += dy[n, o]


@kernel
def _backward_weights(x, dy, dW, db):  # type: ignore[no-untyped-def]
    """dW[i, o] = sum_n x[n, i] dy[n, o]   db[o] = sum_n dy[n, o]"""
    gemm(x.T, dy, 0.0, dW)
    _bias_gradients(dy, db)


@kernel
def _backward_input(dy, W, dx):  # type: ignore[no-untyped-def]
    """dx[n, i] = sum_o dy[n, o] W[i, o]"""
    gemm(dy, W.T, 0.0, dx)


@dataclass(frozen=True, repr=False)
class Dense(StepwiseLayer, kind="dense"):
    """y = f(x W + b).   x: (n, i)   W: (i, units)   b: (units,)   y: (n, units)

    Further axes, as in (n, steps, i), are kept: the last axis is transformed at each place. ``activation`` f is any
    activation layer or its name; None: y = x W + b. ``bias=False`` leaves b out, which is right before a normalization,
    since that removes any constant. ``bias_decays``: whether regParam also applies to b. Over sparse rows this is
    PyTorch's EmbeddingBag with mode="sum" and per_sample_weights: a sum of the rows of W that x has entries for.
    """

    units: int
    activation: Any = None
    bias: bool = True
    initializer: Any = "glorot_uniform"
    bias_initializer: Any = "constant"
    bias_decays: bool = False
    by_row: ClassVar[tuple[str, ...]] = ("W",)
    min_part_rows: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if isinstance(self.units, bool) or not isinstance(self.units, int) or self.units < 1:
            raise ParamError(f"Dense: units must be an int of at least 1, found {self.units!r}")

    def mixed_axes(self) -> int:
        return 1

    def shape(self, x: Shape) -> Shape:
        if not x:
            raise NetworkError("Dense takes rows of at least one axis, found single numbers; give it vectors")
        return (*x[:-1], self.units)

    def weights(self, x: Shape) -> dict[str, Weight]:
        fans: dict[str, Any] = {"fan_in": x[-1], "fan_out": self.units}
        W = Weight((x[-1], self.units), Initializer.of(self.initializer), **fans)
        b = Weight((self.units,), Initializer.of(self.bias_initializer), **fans, decays=self.bias_decays)
        return {"W": W, "b": b} if self.bias else {"W": W}

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray]:
        own = share_of(self.units, block, blocks)
        return Piece(replace(self, units=len(own)), {"W": {-1: own}, "b": {-1: own}}), own

    def cut_inputs(self, x: Shape, entries: np.ndarray, first: bool) -> Piece:
        return Piece(self if first else replace(self, bias=False), {"W": {0: entries}})

    def multiply_adds(self, x: Shape) -> int:
        return prod(x) * self.units

    def forward(self, w: Arrays, x: Any, y: np.ndarray, call: Call) -> None:
        if isinstance(x, Csr):
            y[...] = w["b"] if self.bias else 0
            add_product(x.starts, x.columns, x.values, w["W"], y)
            return
        x, y = _matrix(x), _matrix(y)
        if self.bias and not is_cut(len(x), x.shape[1], self.units):
            _forward(x, w["W"], w["b"], y)
            return
        if self.bias:
            y[...] = w["b"]
        multiply(x, w["W"], float(self.bias), y)

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if isinstance(x, Csr):
            outer_rows(x.starts, x.places, x.values, dy, gradients["W"])
            if self.bias:
                _bias_gradients(dy, gradients["b"])
            return
        x, dy = _matrix(x), _matrix(dy)
        whole = not is_cut(len(x), x.shape[1], self.units)
        if self.bias and whole:
            _backward_weights(x, dy, gradients["W"], gradients["b"])
        else:
            multiply(x.T, dy, 0.0, gradients["W"])
            if self.bias:
                _bias_gradients(dy, gradients["b"])
        if dx is not None and whole:
            _backward_input(dy, w["W"], _matrix(dx))
        elif dx is not None:
            multiply(dy, w["W"].T, 0.0, _matrix(dx))


def _matrix(x: np.ndarray) -> np.ndarray:
    """All axes but the last as one."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])
