"""Embedding: a vector for each token (Bengio, Ducharme, Vincent and Jauvin, 2003; Keras's and PyTorch's Embedding)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.convolution import column_sums
from spark_deepnet.kernels.jit import careful
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, Weight, share_of

MAX_TOKENS = 2**31 - 1
"""Tokens are int32."""


@careful
def _token(x, vocabulary):  # type: ignore[no-untyped-def]
    """The whole number nearest to x; -1 if it is not a token, or NaN"""
    return int(np.floor(x + 0.5)) if -0.5 <= x < vocabulary - 0.5 else -1


@careful
def _forward(x, E, y):  # type: ignore[no-untyped-def]
    """y[p] = E[token of x[p]], 0 if it is not a token"""
    zero = y.dtype.type(0)
    for p in range(x.size):
        token = _token(x[p], E.shape[0])
        for j in range(E.shape[1]):
            y[p, j] = E[token, j] if token >= 0 else zero


@careful
def _backward(x, dy, dE):  # type: ignore[no-untyped-def]
    """dE[v] = sum of dy[p] over the places p of token v"""
    dE[:] = 0
    for p in range(x.size):
        token = _token(x[p], dE.shape[0])
        if token >= 0:
            for j in range(dE.shape[1]):
                dE[token, j] += dy[p, j]


@dataclass(frozen=True, repr=False)
class Embedding(StepwiseLayer, kind="embedding"):
    """y[n, t] = E[x[n, t]].   x: (n, ...), whole numbers   E: (vocabulary, units)   y: (n, ..., units)

    As the first layer after an input it gets int32, which distinguishes all tokens; after another layer, floats.

    ``bias``: b (units,) is added, as in Caffe's Embed. A number outside 0..vocabulary - 1 gives a vector of zeros and
    trains none. Where x is an input column, fit and transform raise DataError for such numbers, or leave the row out if
    handleInvalid is "skip": give unknown words a token of their own, as TokenIds does. x gets no gradient.

    Blocks of a cut network
    divide the columns of E: with a cut by rows, every block would compute a part of y as large as the whole, and all
    parts would have to be summed.
    """

    vocabulary: int
    units: int
    initializer: Any = "uniform"
    bias: bool = False
    bias_initializer: Any = "constant"

    def __post_init__(self) -> None:
        check_count(self, "vocabulary", "units")
        if self.vocabulary > MAX_TOKENS:
            raise ParamError(f"Embedding: vocabulary must be at most {MAX_TOKENS}, found {self.vocabulary}")

    def shape(self, x: Shape) -> Shape:
        return (*x, self.units)

    def weights(self, x: Shape) -> dict[str, Weight]:
        start = Initializer.of(self.initializer)
        fans = self.vocabulary, self.units
        E = Weight(fans, start, *fans)
        b = Weight((self.units,), Initializer.of(self.bias_initializer), *fans, decays=False)
        return {"E": E, "b": b} if self.bias else {"E": E}

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray]:
        own = share_of(self.units, block, blocks)
        return Piece(replace(self, units=len(own)), {"E": {-1: own}, "b": {-1: own}}), own

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(x.reshape(-1), w["E"], y.reshape(x.size, self.units))
        if self.bias:
            y += w["b"]

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        dy = dy.reshape(x.size, self.units)
        _backward(x.reshape(-1), dy, gradients["E"])
        if self.bias:
            column_sums(dy, gradients["b"])
        if dx is not None:
            dx[...] = 0
