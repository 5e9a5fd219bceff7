"""Positions added to a sequence, learned or as waves (Vaswani et al., Attention is all you need, 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.layers._sequences import check_flags, check_sequence
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, Weight


@lru_cache(maxsize=16)
def _waves(steps: int, features: int, dtype: Any) -> np.ndarray:
    """sin(t / 10000^(2k / features)) in feature 2k, the cosine in feature 2k + 1"""
    k = np.arange(features)
    angle = np.arange(steps)[:, None] / 10000.0 ** ((k - k % 2) / features)
    return np.where(k % 2 == 0, np.sin(angle), np.cos(angle)).astype(dtype)


@dataclass(frozen=True, repr=False)
class PositionalEmbedding(StepwiseLayer, kind="positional_embedding"):
    """y[n, t] = x[n, t] + P[t].   x, y: (n, steps, features)   P: (length, features), steps <= length

    ``sinusoid``: P is not learned but consists of sine waves, with periods from 2 pi to 20000 pi steps.
    """

    length: int
    sinusoid: bool = False
    initializer: Any = "uniform"
    reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_count(self, "length")
        check_flags(self, "sinusoid")

    def shape(self, x: Shape) -> Shape:
        check_sequence(self, x)
        if x[0] > self.length:
            raise NetworkError(f"PositionalEmbedding knows length={self.length} positions, found {x[0]} steps")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        shape = (self.length, x[1])
        return {} if self.sinusoid else {"P": Weight(shape, Initializer.of(self.initializer), *shape)}

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return None if self.sinusoid else (Piece(self, {"P": {-1: entries}}), entries)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        steps, features = x.shape[1:]
        P = _waves(steps, features, x.dtype) if self.sinusoid else w["P"][:steps]
        np.add(x, P, out=y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if not self.sinusoid:
            gradients["P"][...] = 0
            np.sum(dy, axis=0, out=gradients["P"][: dy.shape[1]])
        if dx is not None:
            dx[...] = dy
