"""Collectives between the blocks of a cut network: the backward pass of each is the forward pass of another.

Copy     y = x               dx = sum of dy     the whole goes to blocks that each use it for their own part
Reduce   y = sum of x        dx = dy            parts of a sum become the whole
Gather   y = x side by side  dx = own part      entries of the last axis become the whole
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Arrays, Blocks, Call, Exchange, Layer, Shape


@dataclass(frozen=True, repr=False, eq=False)
class Collective(Layer):
    """The base: y = x, dx = dy, shapes and lengths stay the same. ``remembers``: whether some passes run without
    exchange."""

    remembers: bool = False
    reads: ClassVar[str] = ""

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"others": (x, None)} if self.remembers else {}

    def exchanges(self, x: Shape) -> tuple[Exchange, ...]:
        return (Exchange(prod(x)),)

    def sum(self, own: np.ndarray, out: np.ndarray, call: Call) -> None:
        """out = the sum of all blocks' own; out may be the memory of own."""
        if not call.exchange_now:
            np.add(own, call.saved["others"], out=out)
            return
        if self.remembers:
            call.saved["others"][...] = own
        _copy(own, out)
        blocks_of(call).sum(out)
        if self.remembers:
            np.subtract(out, call.saved["others"], out=call.saved["others"])

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return lengths

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        _copy(x, y)

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            _copy(dy, dx)


@dataclass(frozen=True, repr=False, eq=False)
class Copy(Collective):
    """y = x;  dx = sum over blocks of dy."""

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            self.sum(dy, dx, call)


@dataclass(frozen=True, repr=False, eq=False)
class Reduce(Collective):
    """y = sum over blocks of x;  dx = dy."""

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        self.sum(x, y, call)


@dataclass(frozen=True, repr=False, eq=False)
class Gather(Collective):
    """y[..., entries of block b] = block b's x;  dx = dy[..., entries of this block]."""

    block: int = 0
    entries: tuple[np.ndarray, ...] = ()
    reads: ClassVar[str] = "x"  # it does not read x, but y must not be written over x

    def shape(self, x: Shape) -> Shape:
        return (*x[:-1], sum(map(len, self.entries)))

    def saves(self, x: Shape) -> dict[str, tuple[Shape, Any]]:
        return {"parts": (self.shape(x), None)}

    def exchanges(self, x: Shape) -> tuple[Exchange, ...]:
        return (Exchange(prod(self.shape(x)), summed=False),)

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        flat, cells = call.saved["parts"].reshape(-1), prod(x.shape[:-1])
        ends = cells * np.cumsum([0, *map(len, self.entries)])
        chunks = [flat[a:b] for a, b in pairwise(ends)]
        chunks[self.block][:] = x.reshape(-1)
        if call.exchange_now:
            blocks_of(call).gather(chunks)
        for entries, chunk in zip(self.entries, chunks, strict=True):
            y[..., entries] = chunk.reshape(*x.shape[:-1], len(entries))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            dx[...] = dy[..., self.entries[self.block]]


def _copy(a: np.ndarray, b: np.ndarray) -> None:
    if a.__array_interface__["data"][0] != b.__array_interface__["data"][0]:
        b[...] = a


def blocks_of(call: Call) -> Blocks:
    assert call.blocks is not None, "pieces and collectives exist only in networks that are cut"
    return call.blocks
