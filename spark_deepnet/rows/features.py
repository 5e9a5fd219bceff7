"""Feature columns of a pandas frame to arrays, with a count of all that cannot be trained on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from spark_deepnet.kernels.gather import count_not_finite
from spark_deepnet.rows.columns import BYTES, STEPS, VECTOR, Source
from spark_deepnet.rows.ragged import Ragged
from spark_deepnet.rows.table import Dense, Features, Sparse

Faults = Counter[str]
"""What was wrong, as a sentence -> in how many rows or values."""
HOLE = np.float32("nan")
"""What stands for features that are null or of a wrong length, so that a scorer can tell the rows."""
MISFIT = ": rows of "
"""In the sentences about rows that the network cannot take, rather than about values that are missing."""
_SPARSE_HOLE = np.zeros(1, np.int32), np.full(1, HOLE, np.float32)


def features_of(frame: pd.DataFrame, source: Source, faults: Faults) -> Features:
    """The rows of one input of the network."""
    columns = [frame[name] for name in source.columns]
    if source.kind == BYTES and not source.tokens:
        return Dense(_bytes(columns[0], source, faults))
    known = sum(faults.values())
    if source.kind == BYTES:  # numbers that can be marked as unknown
        found: Features = Dense(_bytes(columns[0], source, faults).astype(np.float32))
    elif source.kind == VECTOR:
        found = vectors_of(columns, source, faults)
    elif source.kind == STEPS:
        found = steps_of(columns[0], source, faults)
    else:
        found = matrix_of(columns[0], source, faults)
    _count_strange(found, sum(faults.values()) - known, source, faults)
    return found


def _count_strange(found: Features, holes: int, source: Source, faults: Faults) -> None:
    """Count NaN, infinite numbers and unknown tokens, beside the holes that were counted already; mark the tokens."""
    values = found.matrix if isinstance(found, Dense) else found.values
    each = source.width if isinstance(found, Dense) else source.step if isinstance(found, Ragged) else 1
    wrong = count_not_finite(values.reshape(-1)) - holes * each
    if wrong > 0:
        faults[f"column {source.name!r}: NaN or infinite values; fill or drop them first"] += wrong
    if source.tokens:
        unknown = np.isfinite(values) & ((values < 0) | (values >= source.tokens) | (values != np.floor(values)))
        if unknown.any():
            faults[
                f"column {source.name!r}: tokens such as {values[unknown].flat[0]:g}; the embedding wants whole numbers "
                f"from 0 to {source.tokens - 1}"
            ] += int(unknown.sum())
            values[unknown] = HOLE


def matrix_of(lists: pd.Series, source: Source, faults: Faults) -> Dense:
    """A column of equally long lists as a matrix."""
    arrays = _sized(lists, source, faults)
    flat = np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
    return Dense(np.ascontiguousarray(flat, np.float32).reshape(len(arrays), source.width))


def _sized(lists: pd.Series, source: Source, faults: Faults) -> list[np.ndarray]:
    """The lists, each of the width: null ones and those of another length are counted and stand as NaN."""
    hole = np.full(source.width, HOLE, np.float32)
    arrays: list[np.ndarray] = []
    for values in lists.array:
        if values is None:
            _count_null(source, faults)
        elif len(values) != source.width:
            _count_width(len(values), source, faults)
        else:
            arrays.append(values)
            continue
        arrays.append(hole)
    return arrays


def _count_null(source: Source, faults: Faults) -> None:
    faults[f"column {source.name!r}: null; fill or drop them first"] += 1


def _count_width(found: int, source: Source, faults: Faults) -> None:
    faults[
        f"column {source.name!r}{MISFIT}length {found}, but the first layer takes {source.width}; "
        f"give layers or inputShape for {found}, or rows of length {source.width}"
    ] += 1


def steps_of(lists: pd.Series, source: Source, faults: Faults) -> Ragged:
    """A column of lists, each of whole steps; one that is null or does not divide into steps stands as one of NaN."""
    hole = np.full(source.step, HOLE, np.float32)
    arrays: list[np.ndarray] = []
    for values in lists.array:
        if values is None:
            _count_null(source, faults)
        elif len(values) % source.step:
            faults[
                f"column {source.name!r}{MISFIT}{len(values)} numbers, which do not divide into steps of {source.step}"
            ] += 1
        else:
            arrays.append(values)
            continue
        arrays.append(hole)
    starts = np.concatenate(([0], np.cumsum([len(a) // source.step for a in arrays], dtype=np.int64)))
    flat = np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
    return Ragged(np.ascontiguousarray(flat, np.float32).reshape(starts[-1], *source.shape[1:]), starts)


def _bytes(blobs: pd.Series, source: Source, faults: Faults) -> np.ndarray:
    """(n, width) uint8: binary tensors, one byte a number; faulty ones stand as zeros."""
    found = np.zeros((len(blobs), source.width), np.uint8)
    for row, blob in zip(found, blobs.array, strict=True):
        if blob is None:
            _count_null(source, faults)
        elif len(blob) != source.width:
            _count_width(len(blob), source, faults)
        else:
            row[:] = np.frombuffer(blob, np.uint8)
    return found


def vectors_of(columns: list[pd.Series], source: Source, faults: Faults) -> Dense | Sparse:
    """Unwrapped vectors: a matrix where all are dense, else CSR."""
    kinds, sizes, index_lists, value_lists = columns
    if (kinds.isna() | (kinds == 1)).all():
        return matrix_of(value_lists, source, faults)
    lengths = np.zeros(len(kinds), np.int64)
    indices: list[np.ndarray] = []
    values: list[np.ndarray] = []
    everything = zip(kinds.array, sizes.array, index_lists.array, value_lists.array, strict=True)
    for i, (kind, size, index, value) in enumerate(everything):
        if kind is None or kind != kind:
            _count_null(source, faults)
            kind, size, index, value = 0, source.width, *_SPARSE_HOLE
        width = int(size) if kind == 0 else len(value)
        if width != source.width:
            _count_width(width, source, faults)
            kind, index, value = 0, *_SPARSE_HOLE
        lengths[i] = len(value)
        indices.append(index if kind == 0 else np.arange(source.width, dtype=np.int32))
        values.append(value)
    return Sparse(
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate(indices or [np.zeros(0)]).astype(np.int32, copy=False),
        np.concatenate(values or [np.zeros(0)]).astype(np.float32, copy=False),
        source.width,
    )
