"""Layers that join inputs element by element: an axis of 1 goes with any number of entries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers.layer import Shape, StepwiseLayer


class Joining(StepwiseLayer):
    """The base of layers that join inputs element by element. Inputs have as many axes; an axis of 1, such as those of
    (1, 1, channels), is repeated as often as the others need."""

    def shape(self, x: tuple[Shape, ...]) -> Shape:
        name = type(self).__name__
        whole = tuple(max(axis) for axis in zip(*x, strict=False))
        if len(x) < 2 or not all(fits(s, whole) and len(s) == len(x[0]) for s in x):
            raise NetworkError(f"{name} takes at least two inputs of one shape, found {', '.join(map(str, x))}")
        return whole


def fits(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Whether each axis is whole, or 1."""
    return len(part) == len(whole) and all(n in (1, size) for n, size in zip(part, whole, strict=True))


def summed(dy: np.ndarray, part: np.ndarray) -> None:
    """part = dy, summed over the axes that part has only one entry of."""
    axes = tuple(axis for axis, (one, many) in enumerate(zip(part.shape, dy.shape, strict=True)) if one != many)
    part[...] = np.sum(dy, axes, keepdims=True, dtype=np.float64) if axes else dy
