"""Shapes, which leave out the rows, and the arrays of a layer."""

from __future__ import annotations

from math import prod

import numpy as np

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]


def rows_of(x: np.ndarray, shape: Shape) -> np.ndarray:
    """x as a matrix (n, all the rest)."""
    return x.reshape(len(x), prod(shape))
