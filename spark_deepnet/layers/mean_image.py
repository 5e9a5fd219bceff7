"""Mean image: subtracts an array from each row, such as the mean of the training images (Caffe's mean_file)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.initializers.constant import Constant
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape, Weight


@dataclass(frozen=True, repr=False)
class MeanImage(Layer, kind="mean_image"):
    """y = x - mean.   x, y: (n, ...)   mean: of the shape of a row, a weight that is not trained and starts at 0"""

    reads: ClassVar[str] = ""
    channelwise: ClassVar[bool] = True

    def weights(self, x: Shape) -> dict[str, Weight]:
        return {"mean": Weight(x, Constant(), decays=False, trained=False, rate=0.0)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        np.subtract(x, w["mean"], out=y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        gradients["mean"][...] = 0
        if dx is not None:
            dx[...] = dy
