"""Frames as Spark sends them, from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.dataset import Rows
from spark_deepnet.data.schema import ARRAY, VECTOR, Source
from spark_deepnet.data.table import Dense, Sparse, Table


def sources(width: int, name: str = "features", vectors: bool = False) -> tuple[Source, ...]:
    """The one input of a network of vectors."""
    return (Source((width,), name=name, kind=VECTOR if vectors else ARRAY),)


NULL: tuple[Any, ...] = (None, None, None, None)


def arrays(rows: list[Any], **others: Any) -> pd.DataFrame:
    """Features as lists of floats; None stands for null."""
    return pd.DataFrame({"features x": lists(rows)} | others)


def dense(row: Any) -> tuple[Any, ...]:
    """An unwrapped dense vector."""
    return 1, None, None, np.asarray(row, np.float64)


def sparse(row: Any) -> tuple[Any, ...]:
    """An unwrapped sparse vector of the entries that are not 0."""
    row = np.asarray(row, np.float64)
    (index,) = np.nonzero(row)
    return 0, len(row), index.astype(np.int32), row[index]


def vectors(rows: list[tuple[Any, ...]], **others: Any) -> pd.DataFrame:
    """Features as unwrapped vectors."""
    kinds, sizes, indices, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = {
        "features type": pd.Series(kinds, dtype=float),
        "features size": pd.Series(sizes, dtype=float),
        "features indices": pd.Series(indices, dtype=object),
        "features values": pd.Series(values, dtype=object),
    }
    return pd.DataFrame(columns | others)


def lists(rows: list[Any], kind: Any = np.float32) -> pd.Series:
    """A column of lists of numbers, or of None."""
    return pd.Series([None if row is None else np.asarray(row, kind) for row in rows], dtype=object)


def matrix(features: Dense | Sparse) -> np.ndarray:
    """All rows as one matrix."""
    width = features.width
    out = np.full((len(features), width), np.nan, np.float32)
    features.take(np.arange(len(features)), out)
    return out


def ordered(rows: Rows) -> Table:
    """All rows in canonical order."""
    table, _, index = rows.in_order().between(0, len(rows))
    return table.picked(index)
