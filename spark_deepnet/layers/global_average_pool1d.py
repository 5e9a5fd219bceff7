"""Global average pooling over sequences: the mean of each feature over the steps (Keras's GlobalAveragePooling1D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._sequences import SequencePooling, lengths_of
from spark_deepnet.layers.layer import Arrays, Call


@kernel
def _forward(x, lengths, y):  # type: ignore[no-untyped-def]
    """y[n, f] = mean over t < lengths[n] of x[n, t, f], 0 for a row of no steps"""
    T = y.dtype.type
    for n in range(x.shape[0]):
        y[n] = 0
        part = T(1) / T(max(lengths[n], 1))
        for t in range(lengths[n]):
            for f in range(x.shape[2]):
                y[n, f] += x[n, t, f]
        for f in range(x.shape[2]):
            y[n, f] *= part


@kernel
def _backward(dy, lengths, dx):  # type: ignore[no-untyped-def]
    """dx[n, t, f] = dy[n, f] / lengths[n], 0 from there on"""
    T = dx.dtype.type
    for n in range(dx.shape[0]):
        part = T(1) / T(max(lengths[n], 1))
        for t in range(lengths[n]):
            for f in range(dx.shape[2]):
                dx[n, t, f] = part * dy[n, f]
        dx[n, lengths[n] :] = 0


@dataclass(frozen=True, repr=False)
class GlobalAveragePool1D(SequencePooling, kind="global_average_pool1d"):
    """y_f = the mean over a row's own steps t of x[t, f].   x: (n, steps, features)   y: (n, features)"""

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _forward(np.ascontiguousarray(x), lengths_of(call, x), y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _backward(np.ascontiguousarray(dy), lengths_of(call, x), dx)
