"""pandas frames to arrays, with a count of all that cannot be trained on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from spark_deepnet.kernels.gather import count_not_finite
from spark_deepnet.rows.columns import DENSE, LABEL, VALIDATION, WEIGHT, Columns
from spark_deepnet.rows.table import Dense, Sparse, Table

Faults = Counter[str]
"""What was wrong, as a sentence -> in how many rows or values."""
HOLE = np.float32("nan")
"""What stands for features that are null or of a wrong length, so that a scorer can tell the rows."""


def table_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> Table:
    """One frame's rows; bad ones are counted in faults (a fit with faults ends before its first step)."""
    n = len(frame)
    return Table(
        features_of(frame, columns, faults),
        targets_of(frame, columns, faults),
        weights_of(frame, columns, faults),
        frame[VALIDATION].eq(True).to_numpy(bool) if columns.validation else np.zeros(n, bool),
    )


def features_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> Dense | Sparse:
    known = sum(faults.values())
    found = vectors_of(frame, columns, faults) if columns.vectors else matrix_of(frame[DENSE], columns, faults)
    holes = sum(faults.values()) - known
    values = found.values if isinstance(found, Sparse) else found.matrix
    wrong = count_not_finite(values.reshape(-1)) - holes * (1 if isinstance(found, Sparse) else columns.width)
    if wrong > 0:
        faults[f"column {columns.features!r}: NaN or infinite values; fill or drop them first"] += wrong
    return found


def matrix_of(lists: pd.Series, columns: Columns, faults: Faults) -> Dense:
    """A column of equally long lists as a matrix."""
    arrays = _sized(lists, columns, faults)
    flat = np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
    return Dense(np.ascontiguousarray(flat, np.float32).reshape(len(arrays), columns.width))


def _sized(lists: pd.Series, columns: Columns, faults: Faults) -> list[np.ndarray]:
    """The lists, each of the width: null ones and those of another length are counted and stand as NaN."""
    hole = np.full(columns.width, HOLE, np.float32)
    arrays: list[np.ndarray] = []
    for values in lists.array:
        if values is None:
            _count_null(columns, faults)
        elif len(values) != columns.width:
            _count_width(len(values), columns, faults)
        else:
            arrays.append(values)
            continue
        arrays.append(hole)
    return arrays


def _count_null(columns: Columns, faults: Faults) -> None:
    faults[f"column {columns.features!r}: null; fill or drop them first"] += 1


def _count_width(found: int, columns: Columns, faults: Faults) -> None:
    faults[
        f"column {columns.features!r}: vectors of length {found}, but the first layer takes {columns.width}; "
        f"give layers or inputShape for {found}, or vectors of length {columns.width}"
    ] += 1


def vectors_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> Dense | Sparse:
    """Unwrapped vectors: a matrix where all are dense, else CSR."""
    kinds = frame["type"]
    if (kinds.isna() | (kinds == 1)).all():
        return matrix_of(frame["values"], columns, faults)
    lengths = np.zeros(len(frame), np.int64)
    indices: list[np.ndarray] = []
    values: list[np.ndarray] = []
    everything = zip(kinds.array, frame["size"].array, frame["indices"].array, frame["values"].array, strict=True)
    for i, (kind, size, index, value) in enumerate(everything):
        if kind is None or kind != kind:
            _count_null(columns, faults)
            kind, size, index, value = 0, columns.width, *_SPARSE_HOLE
        width = int(size) if kind == 0 else len(value)
        if width != columns.width:
            _count_width(width, columns, faults)
            kind, index, value = 0, *_SPARSE_HOLE
        lengths[i] = len(value)
        indices.append(index if kind == 0 else np.arange(columns.width, dtype=np.int32))
        values.append(value)
    return Sparse(
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate(indices or [np.zeros(0)]).astype(np.int32, copy=False),
        np.concatenate(values or [np.zeros(0)]).astype(np.float32, copy=False),
        columns.width,
    )


_SPARSE_HOLE = np.zeros(1, np.int32), np.full(1, HOLE, np.float32)


def targets_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> np.ndarray:
    if columns.label is None:
        return np.zeros(len(frame), np.int32)
    return several(frame[LABEL], columns, faults) if columns.labels else classes(frame[LABEL], columns, faults)


def classes(labels: pd.Series, columns: Columns, faults: Faults) -> np.ndarray:
    """Labels 0..classes-1 as int32."""
    values = labels.to_numpy(np.float64, na_value=np.nan)
    missing = np.isnan(values)
    fractional = ~missing & (values != np.floor(values))
    beyond = ~missing & ~fractional & ((values < 0) | (values >= columns.classes))
    for what, wrong in (("null", missing), ("fractional", fractional), ("unknown", beyond)):
        if wrong.any():
            example = "" if what == "null" else f" such as {values[wrong][0]:g}"
            faults[
                f"column {columns.label!r}: {what} labels{example}; the network's {columns.classes} outputs want whole "
                f"numbers from 0 to {columns.classes - 1}"
            ] += int(wrong.sum())
    values = np.where(missing | fractional | beyond, 0.0, values)
    return values.astype(np.int32)


def several(labels: pd.Series, columns: Columns, faults: Faults) -> np.ndarray:
    """Targets as float32 (n, labels), from numbers or from lists of them."""
    if labels.dtype == object:
        targets = _lists(labels, columns, faults)
    else:
        targets = labels.to_numpy(np.float32, na_value=np.nan).reshape(-1, 1)
    missing = ~np.isfinite(targets).all(1)
    beyond = ~missing & ((targets < 0) | (targets > 1)).any(1) & columns.indicators
    if missing.any():
        what = f"column {columns.label!r}: null, NaN or infinite targets; fill or drop them first"
        faults[what] += int(missing.sum())
    if beyond.any():
        first = targets[beyond][0]
        example = first[(first < 0) | (first > 1)][0]
        faults[
            f"column {columns.label!r}: labels such as {example:g} outside 0..1; the loss wants 0 for no, 1 for yes"
        ] += int(beyond.sum())
    return np.where((missing | beyond)[:, None], np.float32(0), targets)


def _lists(labels: pd.Series, columns: Columns, faults: Faults) -> np.ndarray:
    """Lists of targets as a matrix: null ones stand as NaN, those of another length are counted and stand as 0."""
    targets = np.zeros((len(labels), columns.labels), np.float32)
    for row, values in zip(targets, labels.array, strict=True):
        if values is None:
            row[:] = np.nan
        elif len(values) == columns.labels:
            row[:] = values
        else:
            faults[
                f"column {columns.label!r}: {len(values)} targets a row where the network has {columns.labels} outputs"
            ] += 1
    return targets


def weights_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> np.ndarray:
    if columns.weight is None:
        return np.ones(len(frame), np.float32)
    values = frame[WEIGHT].to_numpy(np.float32, na_value=np.nan)
    wrong = ~((values >= 0) & (values < np.inf))
    if wrong.any():
        faults[f"column {columns.weight!r}: negative, null or infinite weights; they must be 0 or more"] += int(wrong.sum())
    return np.where(wrong, np.float32(0), values)
