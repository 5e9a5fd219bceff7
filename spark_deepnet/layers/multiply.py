"""Multiply: the product of several inputs, element by element, as in a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._broadcast import Joining, summed
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class Multiply(Joining, kind="multiply"):
    """y = x_1 x_2 ...   x_1, x_2, ..., y have one shape, but an axis of 1 is repeated."""

    multi_input: ClassVar[bool] = True
    channelwise: ClassVar[bool] = True

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
            product = part if part.shape == dy.shape else np.empty_like(dy)
            np.multiply(dy, others[0], out=product)
            for other in others[1:]:
                product *= other
            if product is not part:
                summed(product, part)
