"""Self-attention with several heads (Vaswani et al., Attention is all you need, 2017; PyTorch's MultiheadAttention)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.attention import attend, attend_back
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.memory import aligned
from spark_deepnet.kernels.sequences import add_columns
from spark_deepnet.layers._sequences import check_flags, check_sequence, lengths_of
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, Weight, share_of

BLOCK_LINES = 1024


@kernel
def _project(x, W, b, y):  # type: ignore[no-untyped-def]
    """y = x W + b"""
    for n in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[n, j] = b[j]
    gemm(x, W, 1.0, y)


@kernel
def _project_back(x, dy, dW, db):  # type: ignore[no-untyped-def]
    """dW += x^T dy   db += sum of dy"""
    gemm(x.T, dy, 1.0, dW)
    add_columns(dy, db)


@dataclass(frozen=True, repr=False)
class MultiHeadAttention(StepwiseLayer, kind="multi_head_attention"):
    """y = (heads side by side) Wo + bo,  head = softmax(q k^T / sqrt(key_dim)) v,  q = x Wq + bq, and so k and v.

    x, y: (n, steps, d)   Wq, Wk, Wv: (d, heads key_dim)   bq, bk, bv: (heads key_dim,)   Wo: (heads key_dim, d)   bo: (d,)

    A step attends to the steps of its own row, with ``causal`` only up to itself. ``key_dim``: the columns of a head;
    None: d / heads.
    """

    heads: int
    key_dim: int | None = None
    causal: bool = False
    initializer: Any = "glorot_uniform"

    def __post_init__(self) -> None:
        check_count(self, "heads", *(() if self.key_dim is None else ("key_dim",)))
        check_flags(self, "causal")

    def shape(self, x: Shape) -> Shape:
        check_sequence(self, x)
        if self.key_dim is None and x[1] % self.heads:
            raise NetworkError(
                f"MultiHeadAttention: heads={self.heads} must divide its {x[1]} features, or give key_dim"
            )
        return x

    def width(self, x: Shape) -> int:
        """The columns of all heads."""
        return self.heads * (self.key_dim or x[1] // self.heads)

    def weights(self, x: Shape) -> dict[str, Weight]:
        sizes = {name: (x[1], self.width(x)) for name in "qkv"} | {"o": (self.width(x), x[1])}
        start, zero = Initializer.of(self.initializer), Initializer.of("constant")
        projections = {f"W{name}": Weight(size, start, *size) for name, size in sizes.items()}
        return projections | {f"b{name}": Weight(size[1:], zero, *size, decays=False) for name, size in sizes.items()}

    def cut_sum(self, x: Shape, block: int, blocks: int) -> Piece | None:
        """A block's heads."""
        if self.heads < blocks:
            return None
        size, heads = self.width(x) // self.heads, share_of(self.heads, block, blocks)
        columns = (heads[:, None] * size + np.arange(size)).reshape(-1)
        parts = {f"{kind}{name}": {-1: columns} for kind in "Wb" for name in "qkv"} | {"Wo": {0: columns}}
        layer = replace(self, heads=len(heads), key_dim=size)
        return Piece(layer if block == 0 else _Part(**vars(layer)), parts)

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        """q, k and v side by side, the heads' outputs, and the divisor of each softmax."""
        wide = self.width(x)
        shapes = {"qkv": (x[0], 3 * wide), "heads": (x[0], wide), "norms": (self.heads, 2, x[0])}
        return {name: (shape, None) for name, shape in shapes.items()}

    def multiply_adds(self, x: Shape) -> int:
        return x[0] * self.width(x) * (4 * x[1] + 2 * x[0])

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x, lengths = np.ascontiguousarray(x), lengths_of(call, x)
        W, b = _joined([w[f"W{name}"] for name in "qkv"], 1), _joined([w[f"b{name}"] for name in "qkv"], 0)
        bo = w.get("bo", np.zeros(x.shape[2], x.dtype))
        for rows in _blocks(x):
            qkv, heads, norms = (call.saved[name][rows] for name in ("qkv", "heads", "norms"))
            _project(_lines(x[rows]), W, b, _lines(qkv))
            attend(qkv, lengths[rows], self.causal, norms, heads)
            _project(_lines(heads), w["Wo"], bo, _lines(y[rows]))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        x, dy, lengths = np.ascontiguousarray(x), np.ascontiguousarray(dy), lengths_of(call, x)
        back = _joined([w[f"W{name}"].T for name in "qkv"], 0)
        dW, db = aligned(back.T.shape, x.dtype), aligned(len(back), x.dtype)
        dbo = gradients.get("bo", np.empty(x.shape[2], x.dtype))
        gradients["Wo"][...] = dbo[...] = 0
        few, steps, wide = _rows(x), x.shape[1], len(w["Wo"])
        dheads, dqkv = aligned((few, steps, wide), x.dtype), aligned((few, steps, 3 * wide), x.dtype)
        for rows in _blocks(x):
            qkv, heads, norms = (call.saved[name][rows] for name in ("qkv", "heads", "norms"))
            dh, d, dlines = dheads[: len(qkv)], dqkv[: len(qkv)], _lines(dy[rows])
            gemm(dlines, w["Wo"].T, 0.0, _lines(dh))
            _project_back(_lines(heads), dlines, gradients["Wo"], dbo)
            attend_back(qkv, lengths[rows], self.causal, norms, dh, d)
            _project_back(_lines(x[rows]), _lines(d), dW, db)
            if dx is not None:
                gemm(_lines(d), back, 0.0, _lines(dx[rows]))
        for i, name in enumerate("qkv"):
            own = slice(i * wide, (i + 1) * wide)
            gradients[f"W{name}"][...], gradients[f"b{name}"][...] = dW[:, own], db[own]


@dataclass(frozen=True, repr=False)
class _Part(MultiHeadAttention):
    """Some of the heads, whose outputs are added to those of others: bo is theirs."""

    def weights(self, x: Shape) -> dict[str, Weight]:
        return {name: weight for name, weight in super().weights(x).items() if name != "bo"}


def _joined(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """The parts side by side, or one under another."""
    shape = list(parts[0].shape)
    shape[axis] *= len(parts)
    return np.concatenate(parts, axis=axis, out=aligned(tuple(shape), parts[0].dtype))


def _rows(x: np.ndarray) -> int:
    """The number of rows processed at a time: they have BLOCK_LINES steps together, so that intermediate values stay in
    the cache."""
    return max(1, BLOCK_LINES // x.shape[1])


def _blocks(x: np.ndarray) -> list[slice]:
    return [slice(a, a + _rows(x)) for a in range(0, len(x), _rows(x))]


def _lines(x: np.ndarray) -> np.ndarray:
    """All steps of all rows, one under another."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])
