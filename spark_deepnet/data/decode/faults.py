"""Faults in rows, counted by message, and the values that replace faulty rows until they are refused."""

from __future__ import annotations

from collections import Counter

import numpy as np

from spark_deepnet.data.schema import Source

Faults = Counter[str]
"""The fault, as a sentence -> in how many rows or values."""
MISSING = np.float32("nan")
"""Replaces features that are null or do not fit, so that a scorer can find these rows."""
NO_TOKEN = -1
"""The same for tokens."""
MISFIT_MARK = ": rows of "
"""Marks messages about rows that the network cannot take, as opposed to missing values."""
MISSING_MARKS = ("; fill or drop them first", ": null labels")
"""One of these marks messages about missing features and targets, which a fit may skip."""
MAX_SENTENCES = 100
"""Beyond this number of messages, rows that the network cannot take are counted together."""


def count_null(source: Source, faults: Faults, count: int) -> None:
    """Count rows without features."""
    if count:
        faults[f"column {source.name!r}: null; fill or drop them first"] += count


def count_widths(lengths: np.ndarray, source: Source, faults: Faults) -> None:
    """Count rows with a wrong number of features, by that number."""
    for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
        count_shape(f"length {int(length)}", str(source.width), source, faults, int(count))


def count_shape(actual: str, expected: str, source: Source, faults: Faults, count: int) -> None:
    """Count rows of another shape."""
    size = actual.removeprefix("length ")
    remedy = f"give layers or inputShape for {size}, or rows of length {expected}"
    if size == actual:
        remedy = "reshape the rows, or give inputShape"
    count_misfits(f"{actual}, but the first layer takes {expected}; {remedy}", source, faults, count)


def count_misfits(what: str, source: Source, faults: Faults, count: int) -> None:
    """Count rows that the network cannot take."""
    if count:
        known = what if len(faults) < MAX_SENTENCES else "many other shapes"
        faults[f"column {source.name!r}{MISFIT_MARK}{known}"] += count


def shown(number: float) -> str:
    """A number for a message: whole numbers with all their digits."""
    value = number.item() if isinstance(number, np.generic) else number
    return str(int(value)) if np.isfinite(value) and value == int(value) else f"{value:.9g}"
