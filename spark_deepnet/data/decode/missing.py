"""Rows with something missing: features or targets that are null, NaN or infinite, or tokens that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import MISFIT_MARK, Faults
from spark_deepnet.data.decode.features import features_of
from spark_deepnet.data.decode.lists import numbers
from spark_deepnet.data.schema import Columns, Source, Target
from spark_deepnet.data.table import Dense, Features


def complete_rows(frame: pd.DataFrame, columns: Columns) -> np.ndarray:
    """(n,) bool: the rows with all features and targets. All rows where some do not fit the network: these are no missing
    values, and are refused."""
    faults = Faults()
    complete = np.ones(len(frame), bool)
    for source in columns.sources:
        complete &= rows_with_features(features_of(frame, source, faults), frame, source)
    if any(MISFIT_MARK in fault for fault in faults):
        return np.ones(len(frame), bool)
    for target in columns.targets:
        complete &= _rows_with_targets(frame[target.column], target)
    return complete


def rows_with_features(features: Features, frame: pd.DataFrame, source: Source) -> np.ndarray:
    """(n,) bool: the rows of which no feature of this input is missing."""
    there: np.ndarray = finite_rows(features) & frame[source.columns[0]].notna().to_numpy(bool)
    return there


def _rows_with_targets(labels: pd.Series, target: Target) -> np.ndarray:
    if not target.lists:
        return np.isfinite(numbers(labels))
    rows = (values is not None and np.isfinite(numbers(pd.Series(values))).all() for values in labels.array)
    return np.fromiter(rows, bool, len(labels))


def finite_rows(features: Features) -> np.ndarray:
    """(n,) bool: the rows without missing values."""
    if isinstance(features, Dense):
        return np.asarray(known(features.matrix).all(1))
    there = known(features.values).all(tuple(range(1, features.values.ndim)))
    bad = np.repeat(np.arange(len(features)), np.diff(features.starts))[~there]
    finite = np.ones(len(features), bool)
    finite[bad] = False
    return finite


def known(values: np.ndarray) -> np.ndarray:
    """The mask of finite numbers, or of valid tokens."""
    return np.asarray(np.isfinite(values) if values.dtype.kind == "f" else values >= 0)
