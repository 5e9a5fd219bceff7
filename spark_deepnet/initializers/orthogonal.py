"""Orthogonal initialization (Saxe, McClelland and Ganguli, ICLR 2014; Keras's and PyTorch's orthogonal)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.random import fill_normal


@dataclass(frozen=True, repr=False)
class Orthogonal(Initializer, kind="orthogonal"):
    """w^T w = gain^2 1, or w w^T if w is wider than high; all axes but the last count as one.

    Q of the QR decomposition of a normal matrix in float64, with a positive diagonal of R, which makes Q unique. A
    block cannot be drawn separately: it is cut from the whole.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise ParamError(f"Orthogonal: gain must be above 0, found {self.gain}")

    def fill(self, out: np.ndarray, key: np.uint64, fan_in: int, fan_out: int) -> None:
        if out.ndim < 2:
            raise ParamError(
                f"Orthogonal fills weights of two axes or more, found shape {out.shape}; choose another initializer"
            )
        columns = out.shape[-1]
        rows = out.size // columns
        normals = np.empty((max(rows, columns), min(rows, columns)))
        fill_normal(key, 0, 1.0, normals.reshape(-1))
        q, r = np.linalg.qr(normals)
        q *= self.gain * np.where(np.diag(r) < 0, -1.0, 1.0)
        out[...] = (q if rows >= columns else q.T).reshape(out.shape)
