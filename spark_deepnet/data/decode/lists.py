"""Columns of lists as Spark sends them: NumPy arrays of one axis, or None for null."""

from __future__ import annotations

import numpy as np
import pandas as pd

NULL_LENGTH = -1
"""The length of a null."""


def lengths_of(lists: pd.Series) -> np.ndarray:
    """(n,) int64: the length of each list, NULL_LENGTH for null."""
    return np.fromiter((NULL_LENGTH if v is None else len(v) for v in lists.to_numpy()), np.int64, len(lists))


def numbers(series: pd.Series) -> np.ndarray:
    """A column of numbers of any pandas type as float64, NaN for null."""
    return series.to_numpy(np.float64, na_value=np.nan)


def joined(lists: pd.Series, fits: np.ndarray, width: int) -> np.ndarray:
    """The numbers of all lists, concatenated; a list that does not fit becomes ``width`` zeros. Nulls among whole
    numbers may arrive as None: then all become floats, with NaN."""
    arrays, zeros = list(lists.to_numpy()), np.zeros(width, np.uint8)
    for i in np.flatnonzero(~fits):
        arrays[i] = zeros
    flat = np.concatenate(arrays) if arrays else zeros[:0]
    return numbers(pd.Series(flat)) if flat.dtype == object else flat
