"""Transposed convolution: each input is spread over a window of outputs (Zeiler et al., CVPR 2010; Keras's
Conv2DTranspose, Caffe's Deconvolution)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.kernels.convolution import column_sums, convolve, convolve_back, convolve_weights
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._convolution import Convolution
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import Sides, along, check_image, pair, real_windows, sides
from spark_deepnet.layers.layer import Arrays, Call, Shape, Weight


@dataclass(frozen=True, repr=False)
class Conv2DTranspose(Convolution, kind="conv2d_transpose"):
    """y[h s - top + i d, w s - left + j d, f] += sum_c x[h, w, c] W[i, j, f, c], numbers outside y are dropped; + b[f]

    x: (n, height, width, channels)   W: (kernel height, kernel width, filters / groups, channels)   b: (filters,)
    y: (n, (height - 1) s + d (kernel height - 1) + 1 - top - bottom, likewise across, filters); "same": height s

    PyTorch's output_padding p is less padding at one end: ((top, top - p), (left, left - p)). That may be below 0, as p
    may be anything below the stride or the dilation.
    """

    ins: ClassVar[int] = -1
    outs: ClassVar[int] = -2

    def of_groups(self, channels: np.ndarray, filters: np.ndarray) -> dict[int, np.ndarray]:
        return {-1: channels}

    def sides(self) -> str | tuple[Sides, Sides]:
        strides, dilation = pair(self, "strides"), pair(self, "dilation")
        return sides(self, (1 - max(strides[0], dilation[0]), 1 - max(strides[1], dilation[1])))

    def place(self, x: Shape) -> tuple[Shape, Window]:
        check_image(self, x)
        padding = self.sides()
        each = (padding, padding) if isinstance(padding, str) else padding
        window, strides, dilation = (pair(self, name) for name in ("kernel_size", "strides", "dilation"))
        (down, top), (across, left) = (_spread(x[k], window[k], strides[k], each[k], dilation[k]) for k in (0, 1))
        if down < 1 or across < 1:
            raise NetworkError(f"Conv2DTranspose: padding {self.padding!r} leaves nothing of an image of {x}")
        return (down, across), Window(*window, *strides, *dilation, top, left)

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS  # its padding does not depend on the image's size

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        size, stride, padding, dilation = self.down()
        return real_windows(lengths, _outputs(lengths, size, stride, padding, dilation))

    def weights(self, x: Shape) -> dict[str, Weight]:
        return self.asked((*pair(self, "kernel_size"), self.filters // self.groups, x[2]))

    def multiply_adds(self, x: Shape) -> int:
        _, window = self.place(x)
        return x[0] * x[1] * x[2] * window.height * window.width * self.filters // self.groups

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        convolve_back(self.images(x), w["W"], self.place(x.shape[1:])[1], y)
        if self.bias:
            y += w["b"]

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        x, dy, window = self.images(x), self.images(dy), self.place(x.shape[1:])[1]
        convolve_weights(dy, x, window, gradients["W"])
        if self.bias:
            column_sums(dy.reshape(-1, self.filters), gradients["b"])
        if dx is not None:
            convolve(dy, w["W"], dy.reshape(-1)[:0], window, dx)


def _spread(size: int, window: int, stride: int, padding: Any, dilation: int) -> tuple[int, int]:
    """(outputs, padding before) along one axis."""
    count = _outputs(size, window, stride, padding, dilation)
    return count, along(count, window, stride, padding, dilation)[1]


def _outputs(size: Any, window: int, stride: int, padding: Any, dilation: int) -> Any:
    """The number of outputs along axes of these sizes: an int, or an array of ints."""
    if isinstance(padding, str):
        return size * stride
    return (size - 1) * stride + dilation * (window - 1) + 1 - padding[0] - padding[1]
