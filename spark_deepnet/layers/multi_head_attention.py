"""Self-attention with several heads (Vaswani et al., Attention is all you need, 2017; PyTorch's MultiheadAttention)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.attention import attend, attend_back
from spark_deepnet.kernels.blas import gemm
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.sequences import add_columns
from spark_deepnet.layers._sequences import check_flags, check_sequence, lengths_of
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape, Weight


@kernel
def _project(x, W, b, y):  # type: ignore[no-untyped-def]
    """y = x W + b"""
    for n in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[n, j] = b[j]
    gemm(x, W, 1.0, y)


@kernel
def _project_back(x, dy, dW, db):  # type: ignore[no-untyped-def]
    """dW = x^T dy   db = sum of dy"""
    gemm(x.T, dy, 0.0, dW)
    db[:] = 0
    add_columns(dy, db)


@dataclass(frozen=True, repr=False)
class MultiHeadAttention(Layer, kind="multi_head_attention"):
    """y = (heads side by side) Wo + bo,  head = softmax(q k^T / sqrt(key_dim)) v,  q = x Wq + bq, and so k and v.

    x, y: (n, steps, d)   Wq, Wk, Wv: (d, heads key_dim)   bq, bk, bv: (heads key_dim,)   Wo: (heads key_dim, d)   bo: (d,)

    A step sees the steps of its own row, with ``causal`` those up to itself. ``key_dim``: a head's share of the columns;
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
            raise NetworkError(f"MultiHeadAttention: heads={self.heads} must divide its {x[1]} features, or give key_dim")
        return x

    def width(self, x: Shape) -> int:
        """The columns of all heads."""
        return self.heads * (self.key_dim or x[1] // self.heads)

    def weights(self, x: Shape) -> dict[str, Weight]:
        sizes = {name: (x[1], self.width(x)) for name in "qkv"} | {"o": (self.width(x), x[1])}
        start, zero = Initializer.of(self.initializer), Initializer.of("constant")
        found = {f"W{name}": Weight(size, start, *size) for name, size in sizes.items()}
        return found | {f"b{name}": Weight(size[1:], zero, *size, decays=False) for name, size in sizes.items()}

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        wide: tuple[Shape, Any] = ((x[0], self.width(x)), None)
        names = ("q", "k", "v", "heads", "dq", "dk", "dv", "dheads")
        return dict.fromkeys(names, wide) | {"shares": ((self.heads, x[0], x[0]), None)}

    def multiply_adds(self, x: Shape) -> int:
        return x[0] * self.width(x) * (4 * x[1] + 2 * x[0])

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        kept, rows = call.saved, _lines(x)
        for name in "qkv":
            _project(rows, w[f"W{name}"], w[f"b{name}"], _lines(kept[name]))
        q, k, v = (kept[name] for name in "qkv")
        attend(q, k, v, lengths_of(call, x), self.causal, kept["shares"], kept["heads"])
        _project(_lines(kept["heads"]), w["Wo"], w["bo"], _lines(y))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        kept, rows, dlines = call.saved, _lines(x), _lines(dy)
        gemm(dlines, w["Wo"].T, 0.0, _lines(kept["dheads"]))
        _project_back(_lines(kept["heads"]), dlines, slopes["Wo"], slopes["bo"])
        q, k, v, dq, dk, dv = (kept[name] for name in ("q", "k", "v", "dq", "dk", "dv"))
        attend_back(q, k, v, lengths_of(call, x), kept["shares"], kept["dheads"], dq, dk, dv)
        for i, name in enumerate("qkv"):
            d = _lines(kept[f"d{name}"])
            _project_back(rows, d, slopes[f"W{name}"], slopes[f"b{name}"])
            if dx is not None:
                gemm(d, w[f"W{name}"].T, float(i > 0), _lines(dx))


def _lines(x: np.ndarray) -> np.ndarray:
    """All steps of all rows, one under another."""
    return np.ascontiguousarray(x).reshape(x.shape[0] * x.shape[1], x.shape[2])
