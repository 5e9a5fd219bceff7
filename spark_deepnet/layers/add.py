"""Add: the sum of several inputs, as at the end of a residual block (He, Zhang, Ren and Sun, CVPR 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._broadcast import Joining, summed
from spark_deepnet.layers.layer import Arrays, Call


@dataclass(frozen=True, repr=False)
class Add(Joining, kind="add"):
    """y = x_1 + x_2 + ...   x_1, x_2, ..., y have one shape, but an axis of 1 is repeated. y may be the memory of x_1."""

    multi_input: ClassVar[bool] = True
    channelwise: ClassVar[bool] = True
    reads: ClassVar[str] = ""

    def forward(self, w: Arrays, x: tuple[np.ndarray, ...], y: np.ndarray, call: Call) -> None:
        np.add(x[0], x[1], out=y)
        for other in x[2:]:
            y += other

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        for part in dx or ():
            if part is not None:
                summed(dy, part)
