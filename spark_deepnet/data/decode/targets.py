"""Label and weight columns of a pandas frame to arrays, with a count of everything that cannot be trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.faults import Faults, shown
from spark_deepnet.data.decode.lists import NULL_LENGTH, joined, lengths_of, numbers
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import IGNORED, ORDER, VALIDATION, WEIGHT, Columns, Target
from spark_deepnet.data.table import Targets


def targets_of(frame: pd.DataFrame, target: Target, faults: Faults) -> Targets:
    labels = frame[target.column]
    if target.steps:
        return targets_of_steps(labels, target, faults)
    return several(labels, target, faults) if target.labels else classes(labels, target, faults)


def targets_of_steps(labels: pd.Series, target: Target, faults: Faults) -> Ragged:
    """A target for every step, from lists of numbers (target.labels numbers per step if there are several)."""
    each = max(1, target.labels)
    lengths = lengths_of(labels)
    fits = (lengths >= 0) & (lengths % each == 0)
    for length, count in zip(*np.unique(lengths[~fits], return_counts=True), strict=True):
        actual = "null" if length == NULL_LENGTH else f"{length} numbers, which do not divide into steps of {each}"
        faults[f"column {target.label!r}: {actual}, but every step needs a target"] += int(count)
    starts = np.concatenate(([0], np.cumsum(np.where(fits, lengths // each, 0))))
    flat = pd.Series(joined(labels, fits, 0))
    if not target.labels:
        return Ragged(classes(flat, target, faults), starts)
    one = replace(target, labels=1)
    return Ragged(several(flat, one, faults).reshape(-1, each), starts)


def classes(labels: pd.Series, target: Target, faults: Faults) -> np.ndarray:
    """Labels 0..classes-1, or IGNORED, as int32, from whole numbers or floats."""
    whole = isinstance(labels.dtype, np.dtype) and labels.dtype.kind in "iu"
    values = labels.to_numpy() if whole else numbers(labels)
    ignored = np.zeros(len(values), bool) if target.ignore is None else values == target.ignore
    missing = np.isnan(values)
    fractional = ~missing & (values != np.floor(values))
    beyond = ~missing & ~fractional & ~ignored & ((values < 0) | (values >= target.classes))
    for what, wrong in (("null", missing), ("fractional", fractional), ("unknown", beyond)):
        if wrong.any():
            example = "" if what == "null" else f" such as {shown(values[wrong][0])}"
            faults[
                f"column {target.label!r}: {what} labels{example}; the network's {target.classes} outputs need whole "
                f"numbers from 0 to {target.classes - 1}{_meant(what, values[wrong], target)}"
            ] += int(wrong.sum())
    return np.where(ignored, IGNORED, np.where(missing | fractional | beyond, 0, values)).astype(np.int32)


def _meant(what: str, wrong: np.ndarray, target: Target) -> str:
    """The end of the sentence: what such labels are mostly meant for."""
    if what == "fractional":
        return "; for regression end layers in Dense(1) under a loss such as 'squared'"
    if what == "unknown" and (wrong == target.classes).all():
        return ": classes count from 0 (StringIndexer makes 0..k-1 of any labels)"
    return ""


def several(labels: pd.Series, target: Target, faults: Faults) -> np.ndarray:
    """Targets (n, labels) of the target's dtype, from numbers or from lists of them."""
    if labels.dtype == object:
        targets = _lists(labels, target, faults)
    else:
        targets = labels.to_numpy(target.dtype, na_value=np.nan).reshape(-1, 1)
    missing = ~np.isfinite(targets).all(1)
    beyond = ~missing & ((targets < 0) | (targets > 1)).any(1) & target.indicators
    if missing.any():
        what = f"column {target.label!r}: null, NaN or infinite targets; fill or drop them first"
        faults[what] += int(missing.sum())
    if beyond.any():
        first = targets[beyond][0]
        example = first[(first < 0) | (first > 1)][0]
        faults[
            f"column {target.label!r}: labels such as {example:g} outside 0..1; the loss needs 0 for no, 1 for yes"
        ] += int(beyond.sum())
    far = _out_of_range(targets, ~missing, target, faults)
    return np.where((missing | beyond | far)[:, None], target.dtype.type(0), targets)


def _out_of_range(targets: np.ndarray, known: np.ndarray, target: Target, faults: Faults) -> np.ndarray:
    """Count rows with targets outside the range of the loss or of float32; return them as (n,) bool."""
    outside = np.zeros(len(targets), bool)
    for what, wrong in (
        (f"below {target.least:g}; the loss needs numbers of {target.least:g} or more", targets < target.least),
        (
            "beyond the range of float32, the type of predictions; scale them",
            np.abs(targets) > np.finfo(np.float32).max,
        ),
    ):
        wrong = wrong & known[:, None]
        if wrong.any():
            faults[f"column {target.label!r}: targets such as {targets[wrong][0]:g} {what}"] += int(wrong.any(1).sum())
            outside |= wrong.any(1)
    return outside


def _lists(labels: pd.Series, target: Target, faults: Faults) -> np.ndarray:
    """Lists of targets as a matrix: nulls become NaN; lists of another length are counted and become 0."""
    targets = np.zeros((len(labels), target.labels), target.dtype)
    for row, values in zip(targets, labels.array, strict=True):
        if values is None:
            row[:] = np.nan
        elif len(values) == target.labels:
            row[:] = values
        else:
            faults[
                f"column {target.label!r}: {len(values)} targets per row, but the network has {target.labels} outputs"
            ] += 1
    return targets


def weights_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> np.ndarray:
    """(n,) float64: in float32, weights below 1.2e-38 would lose digits."""
    if columns.weight is None:
        return np.ones(len(frame))
    values = numbers(frame[WEIGHT])
    wrong = ~((values >= 0) & (values < np.inf))
    if wrong.any():
        what = "negative, null or infinite weights; they must be 0 or more"
        faults[f"column {columns.weight!r}: {what}"] += int(wrong.sum())
    return np.where(wrong, 0.0, values)


def validation_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> np.ndarray:
    """(n,) bool: the validation rows."""
    if columns.validation is None:
        return np.zeros(len(frame), bool)
    marks = frame[VALIDATION]
    null = marks.isna().to_numpy(bool)
    if null.any():
        what = "null, but validation rows must be true and others false; give every row one of them"
        faults[f"column {columns.validation!r}: {what}"] += int(null.sum())
    return marks.to_numpy(object, na_value=False).astype(bool)


SIGN = np.uint64(1 << 63)


def order_of(frame: pd.DataFrame, columns: Columns, faults: Faults) -> np.ndarray | None:
    """(n,) uint64 in the order of the column's numbers; None where rows have none."""
    if columns.order is None:
        return None
    values = frame[ORDER]
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        return values.to_numpy(np.int64).view(np.uint64) ^ SIGN
    floats = numbers(values)
    missing = np.isnan(floats)
    if missing.any():
        faults[f"column {columns.order!r}: null or NaN, but rows come in its order; give every row a number"] += int(
            missing.sum()
        )
    bits = (np.where(missing, 0.0, floats) + 0.0).view(np.uint64)  # -0 becomes 0
    return np.where(bits & SIGN, ~bits, bits | SIGN)
