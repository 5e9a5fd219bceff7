"""Multiply: the product of several inputs, element by element, as in a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.layer import Arrays, Call, Shape, StepwiseLayer


@dataclass(frozen=True, repr=False)
class Multiply(StepwiseLayer, kind="multiply"):
    """y = x_1 x_2 ...   x_1, x_2, ..., y have one shape."""

    multi_input: ClassVar[bool] = True
    channelwise: ClassVar[bool] = True

    def shape(self, x: tuple[Shape, ...]) -> Shape:
        if len(x) < 2 or len(set(x)) > 1:
            raise NetworkError(f"Multiply takes at least two inputs of one shape, found {', '.join(map(str, x))}")
        return x[0]

    def forward(self, w: Arrays, x: tuple[np.ndarray, ...], y: np.ndarray, call: Call) -> None:
        np.multiply(x[0], x[1], out=y)
        for other in x[2:]:
            y *= other

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        """dx_i = dy times all the other inputs"""
        for i, part in enumerate(dx or ()):
            if part is None:
                continue
            others = [other for j, other in enumerate(x) if j != i]
            np.multiply(dy, others[0], out=part)
            for other in others[1:]:
                part *= other
