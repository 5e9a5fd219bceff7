"""PReLU: a ReLU whose gradient below zero is trained (He, Zhang, Ren and Sun, ICCV 2015; Keras's and Caffe's PReLU)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.constant import Constant
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.jit import kernel
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Arrays, Call, Piece, Shape, StepwiseLayer, Weight

QUARTER = Constant(0.25)


@kernel
def _below(x, alpha, z, y):  # type: ignore[no-untyped-def]
    """y_pc = z_pc where x_pc > 0, else alpha_c z_pc: values from z = x, gradients from z = dy"""
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[p, c] = z[p, c] if x[p, c] > 0 else alpha[c] * z[p, c]


@kernel
def _backward_alpha(x, dy, dalpha):  # type: ignore[no-untyped-def]
    """dalpha_c = sum_p dy_pc x_pc over x_pc <= 0, float64"""
    dalpha[:] = 0
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            below = np.float64(0) if x[p, c] > 0 else np.float64(x[p, c])
            dalpha[c] += np.float64(dy[p, c]) * below


@dataclass(frozen=True, repr=False)
class PRelu(StepwiseLayer, kind="prelu"):
    """y = x where x > 0, else alpha x.   x, y: (n, ..., channels)   alpha: (channels,)

    axes: the number of last axes along which alpha differs; 0: one alpha for all, (1,) (Caffe's channel_shared).
    """

    axes: int = 1
    initializer: Any = QUARTER
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_count(self, "axes", least=0)

    def mixed_axes(self) -> int:
        return self.axes

    def shape(self, x: Shape) -> Shape:
        if len(x) < self.axes:
            raise NetworkError(f"PRelu: its input {x} has fewer axes than axes={self.axes}")
        return x

    def weights(self, x: Shape) -> dict[str, Weight]:
        own = x[len(x) - self.axes :] or (1,)
        return {"alpha": Weight(own, Initializer.of(self.initializer), decays=False)}

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        """One alpha for all channels would get a part of its gradient in each block."""
        return super().cut_through(x, entries) if self.axes else None

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x = self._lines(x)
        _below(x, self._alpha(w, x), x, self._lines(y))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        x, dy = self._lines(x), self._lines(dy)
        total = np.empty(x.shape[1])
        _backward_alpha(x, dy, total)
        gradients["alpha"].reshape(-1)[:] = total if self.axes else total.sum()
        if dx is not None:
            _below(x, self._alpha(w, x), dy, self._lines(dx))

    def _alpha(self, w: Arrays, lines: np.ndarray) -> np.ndarray:
        """One for each number of a line."""
        alpha = w["alpha"].reshape(-1)
        return alpha if self.axes else np.full(lines.shape[1], alpha[0])

    def _lines(self, x: np.ndarray) -> np.ndarray:
        """x as a matrix, C-contiguous: a column for each alpha, or for each number of the last axis."""
        first = max(1, x.ndim - max(self.axes, 1))
        return np.ascontiguousarray(x).reshape(prod(x.shape[:first]), prod(x.shape[first:]))
