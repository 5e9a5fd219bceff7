"""Layers that work on each number by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._arrays import Arrays
from spark_deepnet.layers._call import Call
from spark_deepnet.layers._stepwise import StepwiseLayer

COPY_BYTES = 32768
"""Bytes whose copy stays in the first cache."""


class Activation(StepwiseLayer):
    """A layer that works element by element: ``value`` and ``gradient`` see flat arrays."""

    reads: ClassVar[str] = "y"
    channelwise: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    overwrites: ClassVar[bool] = False
    """Whether ``value`` and ``gradient`` are as fast where their result takes the place of what they read."""

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        """y_i = f(x_i)"""
        raise NotImplementedError

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        """dx_i = f'(x_i) dy_i, from x or from y, whichever ``reads`` names."""
        raise NotImplementedError

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        x, y = x.reshape(-1), y.reshape(-1)
        if self.overwrites and same_memory(x, y):
            self.value(x, y)
        else:
            apart(self.value, (x,), y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is None:
            return
        x, y, dy, dx = x.reshape(-1), y.reshape(-1), dy.reshape(-1), dx.reshape(-1)
        if self.overwrites and same_memory(dy, dx):
            self.gradient(x, y, dy, dx)
        else:
            apart(self.gradient, (x, y, dy), dx)


def same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two flat, contiguous arrays are the same numbers."""
    return a.ctypes.data == b.ctypes.data and a.size == b.size and a.flags.c_contiguous and b.flags.c_contiguous


def apart(function: Callable[..., None], inputs: tuple[np.ndarray, ...], out: np.ndarray) -> None:
    """function(*inputs, out) over flat arrays, piece by piece where out is the memory of an input, which is copied first:
    compiled loops run many numbers at once only over arrays that do not overlap, up to ten times faster."""
    if not any(np.may_share_memory(a, out) for a in inputs):
        function(*inputs, out)
        return
    count = COPY_BYTES // out.itemsize
    rooms = [np.empty(count, out.dtype) if np.may_share_memory(a, out) else None for a in inputs]
    for i in range(0, out.size, count):
        part = out[i : i + count]
        function(*(_copied(a[i : i + count], room) for a, room in zip(inputs, rooms, strict=True)), part)


def _copied(part: np.ndarray, room: np.ndarray | None) -> np.ndarray:
    """The part's copy in the room, or itself where there is none"""
    if room is None:
        return part
    room[: part.size] = part
    return room[: part.size]
