"""Convolution over sequences: filters slide along one axis (Keras's Conv1D; time delay nets, Waibel et al., 1989)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.kernels.windows import Window
from spark_deepnet.layers._convolution import Convolution
from spark_deepnet.layers._windows import Sides, along, check_count, is_int
from spark_deepnet.layers.layer import Shape, Weight


@dataclass(frozen=True, repr=False)
class Conv1D(Convolution, kind="conv1d"):
    """y[t, f] = sum_jc x[t s - before + j d, c] W[j, c, f] + b[f], x being 0 outside the sequence.

    x: (n, length, channels)   W: (kernel_size, channels / groups, filters)   b: (filters,)   y: (n, outputs, filters)

    ``kernel_size``, ``strides`` and ``dilation`` are ints; ``padding`` is "valid", "same", "causal" (all of it before
    the sequence, so that no output sees the future), an int for both ends, or (before, after).
    """

    def __post_init__(self) -> None:
        check_count(self, "kernel_size", "strides", "dilation")
        super().__post_init__()

    def ends(self) -> str | Sides:
        """The padding before and after, or "same"."""
        if self.padding == "causal":
            return self.dilation * (self.kernel_size - 1), 0
        padding = 0 if self.padding == "valid" else self.padding
        both = (padding, padding) if is_int(padding, 0) else padding
        if both == "same" or (isinstance(both, tuple) and len(both) == 2 and all(is_int(v, 0) for v in both)):
            return both
        raise ParamError(
            f"Conv1D: padding must be 'valid', 'same', 'causal', an int of at least 0 or (before, after), "
            f"found {self.padding!r}"
        )

    def down(self) -> tuple[int, int, str | Sides, int]:
        return self.kernel_size, self.strides, self.ends(), self.dilation

    def check_padding(self) -> None:
        self.ends()

    def place(self, x: Shape) -> tuple[Shape, Window]:
        if len(x) != 2:
            raise NetworkError(f"Conv1D takes rows of (length, channels), found {x}")
        count, before, _ = along(x[0], *self.down())
        if count < 1:
            raise NetworkError(f"Conv1D: no window of {self.kernel_size} cells fits into a sequence of {x[0]}")
        return (count,), Window(1, self.kernel_size, 1, self.strides, 1, self.dilation, 0, before)

    def weights(self, x: Shape) -> dict[str, Weight]:
        return self.asked((self.kernel_size, x[-1] // self.groups, self.filters))

    def images(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x)[:, None]

    def filter(self, W: np.ndarray) -> np.ndarray:
        return W[None]
