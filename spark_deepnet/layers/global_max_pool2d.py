"""Global max pooling: the largest number of each channel (Keras's GlobalMaxPooling2D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.kernels.pooling import max_pool, max_pool_back
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._windows import check_image
from spark_deepnet.layers.layer import Arrays, Call, Layer, Shape


@dataclass(frozen=True, repr=False)
class GlobalMaxPool2D(Layer, kind="global_max_pool2d"):
    """y_c = max over h, w of x[h, w, c].   x: (n, height, width, channels)   y: (n, channels)"""

    channelwise: ClassVar[bool] = True

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return None

    def shape(self, x: Shape) -> Shape:
        check_image(self, x)
        return (x[2],)

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"kept": ((x[2],), np.int32)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        kept = call.saved["kept"]
        max_pool(np.ascontiguousarray(x), _whole(x), y[:, None, None], kept[:, None, None])

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dy = np.ascontiguousarray(dy)
            max_pool_back(call.saved["kept"][:, None, None], dy[:, None, None], _whole(x), dx)


def _whole(x: np.ndarray) -> Window:
    return Window(x.shape[1], x.shape[2], 1, 1, 1, 1, 0, 0)
