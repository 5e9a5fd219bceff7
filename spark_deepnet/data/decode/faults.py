"""What is wrong with rows, counted under a sentence, and what stands for it until it is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np

from spark_deepnet.data.schema import Source

Faults = Counter[str]
"""What was wrong, as a sentence -> in how many rows or values."""
MISSING = np.float32("nan")
"""What stands for features that are null or do not fit, so that a scorer can tell the rows."""
NO_TOKEN = -1
"""The same among tokens."""
MISFIT_MARK = ": rows of "
"""In the sentences about rows that the network cannot take, rather than about values that are missing."""
MAX_SENTENCES = 100
"""From here on, rows that the network cannot take are counted together."""


def count_null(source: Source, faults: Faults, count: int) -> None:
    """Rows without features."""
    if count:
        faults[f"column {source.name!r}: null; fill or drop them first"] += count


def count_widths(lengths: np.ndarray, source: Source, faults: Faults) -> None:
    """Rows of other numbers of features, by these."""
    for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
        count_shape(f"length {int(length)}", str(source.width), source, faults, int(count))


def count_shape(found: str, expected: str, source: Source, faults: Faults, count: int) -> None:
    """Rows of another shape."""
    size = found.removeprefix("length ")
    remedy = f"give layers or inputShape for {size}, or rows of length {expected}"
    if size == found:
        remedy = "reshape the rows, or give inputShape"
    count_misfits(f"{found}, but the first layer takes {expected}; {remedy}", source, faults, count)


def count_misfits(what: str, source: Source, faults: Faults, count: int) -> None:
    """Rows that the network cannot take."""
    if count:
        known = what if len(faults) < MAX_SENTENCES else "many other shapes"
        faults[f"column {source.name!r}{MISFIT_MARK}{known}"] += count


def shown(number: float) -> str:
    """A number in a sentence: whole ones with all of their digits."""
    value = number.item() if isinstance(number, np.generic) else number
    return str(int(value)) if np.isfinite(value) and value == int(value) else f"{value:.9g}"
