"""What the convolutions share: fields, weights, and the choice of kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.kernels.convolution import column_sums, convolve, convolve_back, convolve_weights
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import Sides, check_count, check_image, pair, placed, real_windows, sides, windows
from spark_deepnet.layers.layer import Arrays, Call, Layer, Piece, Shape, Weight, share_of


@dataclass(frozen=True, repr=False)
class Convolution(Layer):
    """The fields of all convolutions. ``kernel_size``, ``strides`` and ``dilation`` are an int or (rows, columns);
    ``padding`` is "valid" (none), "same" (as many windows as strides fit into the image, Keras's), an int or (rows,
    columns) on both sides (Caffe's), or ((top, bottom), (left, right)). ``groups`` divides channels and filters into
    independent parts. ``activation`` is any activation layer or its name.
    """

    filters: int
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    dilation: Any = 1
    groups: int = 1
    activation: Any = None
    bias: bool = True
    initializer: Any = "glorot_uniform"
    bias_initializer: Any = "constant"
    bias_decays: bool = False

    def __post_init__(self) -> None:
        check_count(self, "filters", "groups")
        for name in ("kernel_size", "strides", "dilation"):
            pair(self, name)
        self.check_padding()
        if self.filters % self.groups:
            raise ParamError(
                f"{type(self).__name__}: groups must divide filters, found groups={self.groups} for {self.filters}"
            )

    def check_padding(self) -> None:
        self.sides()

    def sides(self) -> str | tuple[Sides, Sides]:
        """ "same", or the padding at each side."""
        return sides(self)

    def place(self, x: Shape) -> tuple[Shape, Window]:
        """(outputs along each axis, the window) over a row of shape x."""
        check_image(self, x)
        window, strides, dilation = (pair(self, name) for name in ("kernel_size", "strides", "dilation"))
        return placed(self, x, window, strides, dilation)[:2]

    def down(self) -> tuple[int, int, str | Sides, int]:
        """(kernel size, stride, padding, dilation) along a row's first axis."""
        padding = self.sides()
        size, stride, dilation = (pair(self, name)[0] for name in ("kernel_size", "strides", "dilation"))
        return size, stride, padding if isinstance(padding, str) else padding[0], dilation

    def masking(self, x: Shape) -> Masking:
        """Zeros after a row act as its padding, unless the padding depends on the row's length."""
        _, stride, padding, _ = self.down()
        return Masking.BY_LENGTH if padding == "same" and stride > 1 else Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        return real_windows(lengths, windows(lengths, *self.down()))

    def check_groups(self, channels: int) -> None:
        if channels % self.groups:
            raise NetworkError(f"{type(self).__name__}: groups={self.groups} must divide its {channels} input channels")

    def shape(self, x: Shape) -> Shape:
        counts, _ = self.place(x)
        self.check_groups(x[-1])
        return (*counts, self.filters)

    def weights(self, x: Shape) -> dict[str, Weight]:
        window = self.place(x)[1]
        return self.asked((window.height, window.width, x[-1] // self.groups, self.filters))

    def asked(self, shape: Shape) -> dict[str, Weight]:
        """W of the shape (cells..., ins, outs), and b."""
        cells = prod(shape[:-2])
        fans: dict[str, Any] = {"fan_in": cells * shape[-2], "fan_out": cells * shape[-1]}
        W = Weight(shape, Initializer.of(self.initializer), **fans)
        b = Weight((self.filters,), Initializer.of(self.bias_initializer), **fans, decays=self.bias_decays)
        return {"W": W, "b": b} if self.bias else {"W": W}

    ins: ClassVar[int] = -2
    """The axis of W that runs over a group's input channels."""
    outs: ClassVar[int] = -1

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        if self.groups > 1:
            return None
        own = share_of(self.filters, block, blocks)
        return Piece(replace(self, filters=len(own)), {"W": {self.outs: own}, "b": {-1: own}}), own

    def cut_inputs(self, x: Shape, entries: np.ndarray, first: bool) -> Piece | None:
        if self.groups > 1:
            return None
        return Piece(self if first else replace(self, bias=False), {"W": {self.ins: entries}})

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        """Whole groups, which are independent."""
        channels, filters = x[-1] // self.groups, self.filters // self.groups
        groups = entries[::channels] // channels
        if self.groups == 1 or not np.array_equal(_members(groups, channels), entries):
            return None
        own_filters = _members(groups, filters)
        layer = replace(self, groups=len(groups), filters=len(own_filters))
        return Piece(layer, {"W": self.of_groups(entries, own_filters), "b": {-1: own_filters}}), own_filters

    def of_groups(self, channels: np.ndarray, filters: np.ndarray) -> dict[int, np.ndarray]:
        """The entries of W that belong to some groups with these channels and filters."""
        return {-1: filters}

    def multiply_adds(self, x: Shape) -> int:
        counts, window = self.place(x)
        return prod(counts) * window.height * window.width * x[-1] // self.groups * self.filters

    def images(self, x: np.ndarray) -> np.ndarray:
        """(n, height, width, channels), C-contiguous."""
        return np.ascontiguousarray(x)

    def filter(self, W: np.ndarray) -> np.ndarray:
        """(kernel height, kernel width, ins, outs), the same memory."""
        return W

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        window, none = self.place(x.shape[1:])[1], y.reshape(-1)[:0]
        convolve(self.images(x), self.filter(w["W"]), w.get("b", none), window, self.images(y))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        window, dy = self.place(x.shape[1:])[1], self.images(dy)
        convolve_weights(self.images(x), dy, window, self.filter(gradients["W"]))
        if self.bias:
            column_sums(dy.reshape(-1, self.filters), gradients["b"])
        if dx is not None:
            convolve_back(dy, self.filter(w["W"]), window, self.images(dx))


def _members(groups: np.ndarray, each: int) -> np.ndarray:
    """The channels of these groups, with ``each`` channels per group."""
    return (groups[:, None] * each + np.arange(each)).reshape(-1)
