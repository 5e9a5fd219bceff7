"""Layers that normalize each row, or each step, over its last axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spark_deepnet.errors import NetworkError, check_numbers
from spark_deepnet.layers._windows import check_count
from spark_deepnet.layers.layer import Shape, StepwiseLayer


@dataclass(frozen=True, repr=False)
class OverLastAxes(StepwiseLayer):
    """The base of layers that compute over the last ``axes`` axes of each row, with ``epsilon`` under the root."""

    axes: int = 1
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        check_count(self, "axes")
        check_numbers(self, "above 0", "epsilon")

    def mixed_axes(self) -> int:
        return self.axes

    def shape(self, x: Shape) -> Shape:
        if len(x) < self.axes:
            raise NetworkError(f"{type(self).__name__}: its input {x} has fewer axes than axes={self.axes}")
        return x

    def lines(self, x: np.ndarray) -> np.ndarray:
        """x as a matrix, a line for all that is normalized together; a view where x is C-contiguous."""
        return np.ascontiguousarray(x).reshape(prod(x.shape[: -self.axes]), prod(x.shape[-self.axes :]))
