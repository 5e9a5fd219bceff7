"""Columns of lists as Spark sends them: NumPy arrays of one axis, or None for null."""

from __future__ import annotations

import numpy as np
import pandas as pd

NULL_LENGTH = -1
"""The length of what is null."""


def lengths_of(lists: pd.Series) -> np.ndarray:
    """(n,) int64: how long each list is, NULL_LENGTH where there is none."""
    return np.fromiter((NULL_LENGTH if v is None else len(v) for v in lists.to_numpy()), np.int64, len(lists))


def numbers(series: pd.Series) -> np.ndarray:
    """A column of numbers as float64, NaN for null, whatever type pandas has for it."""
    return series.to_numpy(np.float64, na_value=np.nan)


def joined(lists: pd.Series, fits: np.ndarray, width: int) -> np.ndarray:
    """The numbers of all lists one after another; those that do not fit stand as so many zeros. Nulls among whole numbers
    may come as None: then all are floats, with NaN."""
    arrays, zeros = list(lists.to_numpy()), np.zeros(width, np.uint8)
    for i in np.flatnonzero(~fits):
        arrays[i] = zeros
    flat = np.concatenate(arrays) if arrays else zeros[:0]
    return numbers(pd.Series(flat)) if flat.dtype == object else flat
