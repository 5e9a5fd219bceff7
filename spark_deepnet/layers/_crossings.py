"""Where values cross between the blocks of a network that is cut: each one's backward is another's forward.

Share    y = x               dx = sum of dy     the whole goes to blocks that each use it for their own part
Join     y = sum of x        dx = dy            parts of a sum become the whole
Gather   y = x side by side  dx = own part      entries of the last axis become the whole
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers.layer import Arrays, Blocks, Call, Layer, Shape


@dataclass(frozen=True, repr=False, eq=False)
class Crossing(Layer):
    """The base: shapes and lengths stay."""

    reads: ClassVar[str] = ""

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return lengths


@dataclass(frozen=True, repr=False, eq=False)
class Share(Crossing):
    """y = x;  dx = sum over blocks of dy."""

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _copy(x, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _copy(dy, dx)
            blocks_of(call).sum(dx)


@dataclass(frozen=True, repr=False, eq=False)
class Join(Crossing):
    """y = sum over blocks of x;  dx = dy."""

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _copy(x, y)
        blocks_of(call).sum(y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _copy(dy, dx)


@dataclass(frozen=True, repr=False, eq=False)
class Gather(Crossing):
    """y[..., entries of block b] = block b's x;  dx = dy[..., entries of this block]."""

    block: int
    entries: tuple[np.ndarray, ...]
    reads: ClassVar[str] = "x"  # not so, but y must not be written over x

    def shape(self, x: Shape) -> Shape:
        return (*x[:-1], sum(map(len, self.entries)))

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"parts": (self.shape(x), None)}

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        flat, cells = call.saved["parts"].reshape(-1), prod(x.shape[:-1])
        ends = cells * np.cumsum([0, *map(len, self.entries)])
        chunks = [flat[a:b] for a, b in pairwise(ends)]
        chunks[self.block][:] = x.reshape(-1)
        blocks_of(call).gather(chunks)
        for entries, chunk in zip(self.entries, chunks, strict=True):
            y[..., entries] = chunk.reshape(*x.shape[:-1], len(entries))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, slopes: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy[..., self.entries[self.block]]


def _copy(a: np.ndarray, b: np.ndarray) -> None:
    if a.__array_interface__["data"][0] != b.__array_interface__["data"][0]:
        b[...] = a


def blocks_of(call: Call) -> Blocks:
    assert call.blocks is not None, "pieces and crossings stand in networks that are cut only"
    return call.blocks
