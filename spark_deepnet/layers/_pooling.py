"""Common parts of the pooling layers: fields, and the places of the windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import ParamError
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers._windows import Sides, check_image, pair, placed, real_windows, sides, windows
from spark_deepnet.layers.layer import Layer, Shape


@dataclass(frozen=True, repr=False)
class Pooling(Layer):
    """``pool_size`` and ``strides`` are an int or (rows, columns); no strides: the size of the window, so that windows
    do not overlap. ``padding`` is "valid" (none), "same" (Keras's), an int or (rows, columns) on both sides, or ((top,
    bottom), (left, right)). ``ceil``: the last window may reach over the edge (Caffe's rule), else all must fit.
    """

    pool_size: Any = 2
    strides: Any = None
    padding: Any = "valid"
    ceil: bool = False
    channelwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        size, each = pair(self, "pool_size"), sides(self)
        self.steps()
        if not isinstance(each, str) and any(max(each[k]) >= size[k] for k in (0, 1)):
            raise ParamError(
                f"{type(self).__name__}: padding must be less than pool_size, or a window sees nothing, "
                f"found {self.padding!r} for {self.pool_size!r}"
            )

    def steps(self) -> Sides:
        return pair(self, "pool_size" if self.strides is None else "strides")

    def place(self, x: Shape) -> tuple[Sides, Window, Sides]:
        """(outputs down and across, the window, padding below and at the right) over a row of shape x."""
        check_image(self, x)
        return placed(self, x, pair(self, "pool_size"), self.steps(), ceil=self.ceil)

    def shape(self, x: Shape) -> Shape:
        return (*self.place(x)[0], x[2])

    def masking(self, x: Shape) -> Masking:
        """Padding does not matter if all windows are inside a row."""
        padding = sides(self)
        return Masking.ZEROS if padding[0] == (0, 0) and not self.ceil else Masking.BY_LENGTH

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray:
        padding = sides(self)
        down = padding if isinstance(padding, str) else padding[0]
        size, stride = pair(self, "pool_size")[0], self.steps()[0]
        return real_windows(lengths, windows(lengths, size, stride, down, ceil=self.ceil))
