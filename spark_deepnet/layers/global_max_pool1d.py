"""Global max pooling over sequences: the largest number of each feature over the steps (Collobert et al., JMLR 2011;
Keras's GlobalMaxPooling1D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._sequences import SequencePooling, lengths_of
from spark_deepnet.layers.layer import Arrays, Call, Shape


@kernel
def _forward(x, lengths, y, best):  # type: ignore[no-untyped-def]
    """y[n, f] = max over t < lengths[n] of x[n, t, f] and best[n, f] the first such t; 0 and -1 for a row of no steps"""
    for n in range(x.shape[0]):
        y[n] = 0
        best[n] = -1
        for t in range(lengths[n]):
            for f in range(x.shape[2]):
                if t == 0 or x[n, t, f] > y[n, f] or np.isnan(x[n, t, f]):  # NaN stays
                    y[n, f] = x[n, t, f]
                    best[n, f] = t


@kernel
def _backward(dy, best, dx):  # type: ignore[no-untyped-def]
    """dx[n, best[n, f], f] = dy[n, f], 0 elsewhere"""
    dx[:] = 0
    for n in range(dx.shape[0]):
        for f in range(dx.shape[2]):
            if best[n, f] >= 0:
                dx[n, best[n, f], f] = dy[n, f]


@dataclass(frozen=True, repr=False)
class GlobalMaxPool1D(SequencePooling, kind="global_max_pool1d"):
    """y_f = max over a row's own steps t of x[t, f].   x: (n, steps, features)   y: (n, features)"""

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"best": ((x[1],), np.int32)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(np.ascontiguousarray(x), lengths_of(call, x), y, call.saved["best"])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _backward(np.ascontiguousarray(dy), call.saved["best"], dx)
