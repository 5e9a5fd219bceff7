"""Rows' features, passed as Python values, converted to the frame that Spark would send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.vectors import DENSE, SPARSE
from spark_deepnet.data.schema import ARRAY, BYTES, IMAGE, STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.plan.architecture import InputSpec

_IMAGE = ("data", "height", "width", "nChannels", "mode")


def rows_of(values: Sequence[Any], entry: InputSpec, name: str = "value") -> tuple[Source, pd.DataFrame]:
    """The source and the frame of one input's rows: vectors, images, bytes, or arrays (of the network's shape or flat), all
    of one kind; None and NaN are missing ones. name: of the user's column, for messages."""
    kind = _kind_of(values, entry)
    source = Source(entry.shape, entry.name, name, kind, entry.tokens)
    if kind == IMAGE:
        source = replace(source, rgb=entry.rgb, resized=entry.resized)
    cells = [[None] * len(source.columns) if _is_missing(value) else _CELLS[kind](value, entry) for value in values]
    columns = zip(source.columns, zip(*cells, strict=True) if cells else [()] * len(source.columns), strict=True)
    return source, pd.DataFrame({column: _series(parts) for column, parts in columns})


def one_row(value: Any, entry: InputSpec) -> tuple[Source, pd.DataFrame]:
    """The same of one row."""
    return rows_of([value], entry)


def _series(parts: Sequence[Any]) -> pd.Series:
    """Of objects, whatever their lengths."""
    cells = np.empty(len(parts), object)
    for k, part in enumerate(parts):
        cells[k] = part
    return pd.Series(cells)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _kind_of(values: Sequence[Any], entry: InputSpec) -> str:
    """How the rows are sent: sparse vectors stay sparse, and dense ones beside them are vectors too."""
    present = [value for value in values if not _is_missing(value)]
    if not entry.steps and any(_is_sparse(value) for value in present):
        return VECTOR
    first = present[0] if present else ()
    if isinstance(first, bytes | bytearray):
        return BYTES
    if _is_image(first):
        return IMAGE
    return STEPS if entry.steps else ARRAY


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "size")


def _is_image(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(name in value for name in _IMAGE)
    return isinstance(value, tuple) and all(hasattr(value, name) for name in _IMAGE)


def _vector(value: Any, entry: InputSpec) -> list[Any]:
    if _is_sparse(value):
        return [SPARSE, value.size, np.asarray(value.indices), np.asarray(value.values)]
    return [DENSE, None, np.zeros(0, np.int32), _array(value, entry)[0]]


def _bytes(value: Any, entry: InputSpec) -> list[Any]:
    if not isinstance(value, bytes | bytearray):
        raise DataError(f"predict: expected bytes, as in the first row, found {type(value).__name__}")
    return [bytes(value)]


def _image(value: Any, entry: InputSpec) -> list[Any]:
    if not _is_image(value):
        raise DataError(f"predict: expected an image, as in the first row, found {type(value).__name__}")
    parts = SimpleNamespace(**value) if isinstance(value, Mapping) else value
    return [*(getattr(parts, name) for name in _IMAGE), getattr(parts, "origin", None)]


def _array(value: Any, entry: InputSpec) -> list[Any]:
    """The numbers of an array as one flat array. It has one axis, or the network's axes, the last of which may be
    merged."""
    try:
        array = np.asarray(value.toArray() if hasattr(value, "toArray") else value)
        if array.dtype == object and array.ndim == 1:  # an array of arrays, as Parquet gives nested lists
            array = np.array([np.asarray(each) for each in array])
        if array.dtype.kind not in "iufb":
            array = array.astype(np.float64)
    except (TypeError, ValueError, IndexError):
        raise DataError(
            f"predict: expected numbers in the shape of a row, {entry.shape}, found {type(value).__name__} that is ragged "
            f"or holds something else"
        ) from None
    axes = array.ndim
    wanted = (*entry.shape[: axes - 1], prod(entry.shape[axes - 1 :]))
    first = int(entry.steps)
    if axes != 1 and (axes > len(entry.shape) or axes == 0 or array.shape[first:] != wanted[first:]):
        shape = ("any steps", *entry.shape[1:]) if entry.steps else entry.shape
        raise DataError(f"predict: expected a row of shape {shape}, or flat, found {array.shape}")
    return [array.reshape(-1)]


_CELLS = {VECTOR: _vector, BYTES: _bytes, IMAGE: _image, ARRAY: _array, STEPS: _array}
"""Kind of source -> the parts of one value."""
