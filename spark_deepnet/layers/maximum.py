"""Maximum: the highest of several inputs, element by element (Keras's Maximum, Caffe's Eltwise MAX)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._broadcast import Joining, summed
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class Maximum(Joining, kind="maximum"):
    """y = max(x_1, x_2, ...)   x_1, x_2, ..., y have one shape, but an axis of 1 is repeated. If several are highest, the
    first gets the gradient."""

    multi_input: ClassVar[bool] = True
    channelwise: ClassVar[bool] = True
    reads: ClassVar[str] = "xy"

    def forward(self, w: Arrays, x: tuple[np.ndarray, ...], y: np.ndarray, call: Call) -> None:
        np.maximum(x[0], x[1], out=y)
        for other in x[2:]:
            np.maximum(y, other, out=y)

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        free = np.ones(y.shape, bool)
        for value, part in zip(x, dx or (), strict=False):
            highest = free & (value == y)
            free &= ~highest
            if part is not None:
                summed(dy * highest, part)
