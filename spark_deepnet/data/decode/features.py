"""Feature columns of a pandas frame to arrays, with a count of everything that cannot be trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import MISFIT_MARK as MISFIT_MARK  # for those who refuse rows
from spark_deepnet.data.decode.faults import MISSING, count_misfits, count_null, count_shape, count_widths
from spark_deepnet.data.decode.faults import Faults as Faults
from spark_deepnet.data.decode.images import bytes_of, images_of
from spark_deepnet.data.decode.lists import NULL_LENGTH, joined, lengths_of
from spark_deepnet.data.decode.tokens import tokens_of
from spark_deepnet.data.decode.vectors import places_of, vectors_of
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import BYTES, IMAGE, STEPS, VECTOR, Source
from spark_deepnet.data.table import Dense, Features, Sparse
from spark_deepnet.kernels.gather import count_not_finite

OTHER_SHAPE = -2
"""The length of a list that is already counted as one of another shape."""


def features_of(frame: pd.DataFrame, source: Source, faults: Faults) -> Features:
    """The rows of one input of the network."""
    columns = [frame[name] for name in source.columns]
    if source.kind in (BYTES, IMAGE):
        numbers, bad = (images_of if source.kind == IMAGE else bytes_of)(columns, source, faults)
        return Dense(tokens_of(numbers, bad, source, faults) if source.tokens else numbers)
    if source.kind == VECTOR:
        return _of_vectors(columns, source, faults)
    lengths = lengths_of(columns[0])
    if source.nested:
        _mark_shapes(lengths, columns[1], source, faults)
    count_null(source, faults, int((lengths == NULL_LENGTH).sum()))
    return (_steps if source.kind == STEPS else _matrix)(columns[0], lengths, source, faults)


def _mark_shapes(lengths: np.ndarray, shapes: pd.Series, source: Source, faults: Faults) -> None:
    """Rows of another shape arrive without their numbers, with the shape as text."""
    other = (shapes.notna() & (shapes != "")).to_numpy(bool)
    for shape, count in shapes[other].value_counts().items():
        ragged = "ragged " if " to " in str(shape) else ""
        count_shape(f"{ragged}shape {shape}", source.expected, source, faults, int(count))
    lengths[other] = OTHER_SHAPE


def _matrix(lists: pd.Series, lengths: np.ndarray, source: Source, faults: Faults) -> Dense:
    """Equally long lists as a matrix."""
    fits = lengths == source.width
    count_widths(lengths[~fits & (lengths >= 0)], source, faults)
    flat = joined(lists, fits, source.width)
    return Dense(_checked(flat.reshape(len(lists), source.width), ~fits, source, faults))


def _steps(lists: pd.Series, lengths: np.ndarray, source: Source, faults: Faults) -> Ragged:
    """Lists of whole steps; a list that is null or does not divide into steps becomes one missing step."""
    fits = (lengths >= 0) & (lengths % source.step == 0)
    for length, count in zip(*np.unique(lengths[~fits & (lengths >= 0)], return_counts=True), strict=True):
        count_misfits(f"{length} numbers, which do not divide into steps of {source.step}", source, faults, int(count))
    steps = np.where(fits, lengths // source.step, 1)
    starts = np.concatenate(([0], np.cumsum(steps)))
    values = joined(lists, fits, source.step).reshape(starts[-1], *source.shape[1:])
    return Ragged(_checked(values, np.repeat(~fits, steps), source, faults), starts)


def _of_vectors(columns: list[pd.Series], source: Source, faults: Faults) -> Dense | Sparse:
    """A matrix if all vectors are dense, or tokens; otherwise CSR."""
    vectors, width = vectors_of(columns, source, faults), source.width
    holes = source.wide and len(vectors.fits) > 0 and not vectors.fits.any()  # a matrix of them would take much memory
    if vectors.dense and not holes:
        flat = joined(vectors.values, vectors.fits, width)
        return Dense(_checked(flat.reshape(len(vectors.fits), width), ~vectors.fits, source, faults))
    entries = np.where(vectors.fits, vectors.lengths, 1)
    places, values = places_of(vectors, width), joined(vectors.values, vectors.fits, 1)
    if source.tokens:
        matrix = np.zeros((len(entries), width), values.dtype)
        matrix[np.repeat(np.arange(len(entries)), entries), places] = values
        return Dense(tokens_of(matrix, ~vectors.fits, source, faults))
    values = _checked(values, np.repeat(~vectors.fits, entries), source, faults)
    return Sparse(np.concatenate(([0], np.cumsum(entries))), places, values, width)


def _checked(values: np.ndarray, bad: np.ndarray, source: Source, faults: Faults) -> np.ndarray:
    """Values of any type as tokens or float32. The entries ``bad`` along the first axis are already counted and become
    missing; NaN, infinite numbers and unknown tokens are counted."""
    if source.tokens:
        return tokens_of(values, bad, source, faults)
    with np.errstate(over="ignore"):  # too large values become infinite, and are counted
        values = np.ascontiguousarray(values, np.float32)
    values += np.float32(0)  # -0.0 becomes 0.0: a hash of bits would distinguish them
    wrong = int(count_not_finite(values.reshape(-1)))
    if wrong:
        faults[f"column {source.name!r}: NaN or infinite values; fill or drop them first"] += wrong
    if bad.any():
        values[bad] = MISSING
    return values
