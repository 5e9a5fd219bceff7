"""Converts the features of one row, passed to ``predict``, to the frame that Spark would send."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from spark_deepnet.data.decode.vectors import SPARSE
from spark_deepnet.data.schema import ARRAY, BYTES, IMAGE, STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.plan.architecture import InputSpec

_IMAGE = ("data", "height", "width", "nChannels", "mode")


def one_row(value: Any, entry: InputSpec) -> tuple[Source, pd.DataFrame]:
    """The source and the frame of a vector, an image, bytes, or an array (of the network's shape or flat)."""
    kind, cells = _cells(value, entry)
    source = Source(entry.shape, entry.name, "value", kind, entry.tokens)
    if kind == IMAGE:
        source = replace(source, rgb=entry.rgb, resized=entry.resized)
    columns = zip(source.columns, cells, strict=True)
    return source, pd.DataFrame({name: pd.Series([cell], dtype=object) for name, cell in columns})


def _cells(value: Any, entry: InputSpec) -> tuple[str, list[Any]]:
    """The value's kind of source, and its parts."""
    if hasattr(value, "indices") and hasattr(value, "values") and not entry.steps:
        return VECTOR, [SPARSE, value.size, np.asarray(value.indices), np.asarray(value.values)]
    if isinstance(value, bytes | bytearray):
        return BYTES, [bytes(value)]
    if isinstance(value, tuple) and all(hasattr(value, name) for name in _IMAGE):
        return IMAGE, [*(getattr(value, name) for name in _IMAGE), getattr(value, "origin", None)]
    return (STEPS if entry.steps else ARRAY), [_array(value, entry)]


def _array(value: Any, entry: InputSpec) -> np.ndarray:
    """The numbers of an array as one flat array. It has one axis, or the network's axes, the last of which may be
    merged."""
    try:
        array = np.asarray(value.toArray() if hasattr(value, "toArray") else value)
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
    return array.reshape(-1)
