"""Vectors of Spark ML, sent as their four parts.

A table may hold vectors that no constructor of Spark ML allows, since none runs when they are read. So every number
that kernels use as a place in memory is checked here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import Faults, count_misfits, count_null, count_widths
from spark_deepnet.data.decode.lists import NULL_LENGTH, joined, lengths_of, numbers
from spark_deepnet.data.schema import Source

SPARSE, DENSE = 0, 1
"""The values of the part ``type``."""
_MALFORMED = (
    "malformed vectors; a sparse vector needs a size and ascending indices from 0 to {}, one for each value, a dense vector "
    "only values"
)


class Vectors(NamedTuple):
    """The parts of n vectors; vectors that do not fit are counted as faults."""

    indices: pd.Series
    values: pd.Series
    lengths: np.ndarray
    """(n,): number of entries."""
    fits: np.ndarray
    """(n,) bool"""
    sparse: np.ndarray
    """(n,) bool: whether the vector is sparse."""
    dense: bool
    """Whether no vector is sparse."""


def vectors_of(columns: list[pd.Series], source: Source, faults: Faults) -> Vectors:
    """The vectors of one input, checked."""
    indices, values = columns[2:]
    kinds, sizes = numbers(columns[0]), numbers(columns[1])
    counts, lengths = lengths_of(indices), lengths_of(values)
    null, sparse, dense = np.isnan(kinds), kinds == SPARSE, kinds == DENSE
    sound = (sparse & (counts == lengths) & ~np.isnan(sizes)) | (
        dense & (counts <= 0) & (np.isnan(sizes) | (sizes == lengths))
    )
    sound &= lengths != NULL_LENGTH
    widths = np.where(dense, lengths, sizes)
    fits = sound & (widths == source.width)
    count_widths(widths[sound & ~fits], source, faults)
    wrong = np.zeros(len(fits), bool)
    if (fits & sparse).any():
        wrong = _wrong_indices(indices, np.where(fits & sparse, lengths, 0), source.width)
    count_null(source, faults, int(null.sum()))
    count_misfits(_MALFORMED.format(source.width - 1), source, faults, int((~null & (~sound | wrong)).sum()))
    return Vectors(indices, values, lengths, fits & ~wrong, sparse, bool((dense | null).all()))


def _wrong_indices(indices: pd.Series, counts: np.ndarray, width: int) -> np.ndarray:
    """(n,) bool: rows, with ``counts`` indices each, that have an index that is null, out of range, or not above its
    predecessor."""
    places = joined(indices, counts > 0, 0)
    wrong = ~((places >= 0) & (places < width))
    later = np.ones(len(places) + 1, bool)
    later[np.cumsum(counts) - counts] = False  # where a row starts
    wrong[1:] |= later[1:-1] & ~(places[1:] > places[:-1])
    bad_rows = np.zeros(len(counts), bool)
    bad_rows[np.repeat(np.arange(len(counts)), counts)[wrong]] = True
    return bad_rows


def places_of(vectors: Vectors, width: int) -> np.ndarray:
    """The column of each entry, row by row; a vector that does not fit has one entry, in the first column."""
    places = list(vectors.indices.to_numpy())
    whole, first = np.arange(width, dtype=np.int32), np.zeros(1, np.int32)
    for i in np.flatnonzero(~(vectors.fits & vectors.sparse)):
        places[i] = whole if vectors.fits[i] else first
    return np.concatenate(places or [first[:0]]).astype(np.int32, copy=False)
