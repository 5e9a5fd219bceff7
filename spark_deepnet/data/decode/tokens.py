"""Tokens: whole numbers 0..tokens-1, which stay integers from Spark to the kernels."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.decode.faults import NO_TOKEN, Faults, shown
from spark_deepnet.data.schema import Source


def tokens_of(values: np.ndarray, bad: np.ndarray, source: Source, faults: Faults) -> np.ndarray:
    """Numbers of any type as int32. Numbers that are not tokens are counted and become NO_TOKEN, except the entries
    ``bad`` along the first axis, which are already counted."""
    finite = np.ones(values.shape, bool) if values.dtype.kind in "iu" else np.isfinite(values)
    known = finite & (values >= 0) & (values < source.tokens)
    if values.dtype.kind == "f":
        known &= values == np.floor(values)
    tokens = np.where(known, values, np.int64(NO_TOKEN)).astype(np.int32)
    tokens[bad] = NO_TOKEN
    if not known.all():
        _count(values[~bad], finite[~bad], known[~bad], source, faults)
    return tokens


def _count(values: np.ndarray, finite: np.ndarray, known: np.ndarray, source: Source, faults: Faults) -> None:
    strange, unknown = ~finite, finite & ~known
    if strange.any():
        faults[f"column {source.name!r}: NaN or infinite values; fill or drop them first"] += int(strange.sum())
    if unknown.any():
        faults[
            f"column {source.name!r}: tokens such as {shown(values[unknown].flat[0])}; the embedding needs whole numbers "
            f"from 0 to {source.tokens - 1}"
        ] += int(unknown.sum())
