"""Layers that run along one axis of a row: which one, and what becomes of the steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers._contract import Layer, Piece
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Shape


class AlongAxis(Layer):
    """The base of layers that mix the numbers along ``axis``, a field: 0 a row's first axis, -1 its last, and keep the
    shape. Along the steps of sequences each row runs by its own length."""

    def shape(self, x: Shape) -> Shape:
        axis_of(self, x)
        return x

    def masking(self, x: Shape) -> Masking:
        if axis_of(self, x):
            return Masking.ZEROS
        return Masking.BY_LENGTH if len(x) > 1 else Masking.FULL_LENGTH

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return None if self.masking(x) is Masking.FULL_LENGTH else lengths

    def cut_through(self, x: Shape, entries: np.ndarray) -> tuple[Piece, np.ndarray] | None:
        return None if axis_of(self, x) == len(x) - 1 else (Piece(self), entries)


def check_axis(layer: Any) -> None:
    """Raise a ParamError unless the field ``axis`` is an int."""
    if type(layer.axis) is not int:
        raise ParamError(f"{type(layer).__name__}: axis must be an int, found {layer.axis!r}")


def axis_of(layer: Any, x: Shape) -> int:
    """The axis of rows of this shape that the field ``axis`` names, from 0 on; NetworkError if there is none."""
    if not -len(x) <= layer.axis < len(x):
        last = "runs along the last axis, but its input has none" if layer.axis == -1 else f"has no axis {layer.axis}"
        where = "" if layer.axis == -1 else f": an input of shape {x}"
        raise NetworkError(f"{type(layer).__name__}{where} {last}")
    return int(layer.axis % len(x))


def runs_along_scores(layer: Layer, shape: Shape) -> bool:
    """Whether an activation runs along the last axis of rows of this shape, as losses do: a softmax may have another."""
    return getattr(layer, "axis", -1) in (-1, len(shape) - 1)


def lines_along(x: np.ndarray, axis: int) -> np.ndarray:
    """x as a matrix with a line for each vector along this axis of a row (below 0: from the end), C-contiguous; a view
    where the axis is the last and x is C-contiguous."""
    moved = x if axis == -1 else np.moveaxis(x, axis if axis < 0 else axis + 1, -1)
    return np.ascontiguousarray(moved).reshape(-1, moved.shape[-1])


def put_along(lines: np.ndarray, axis: int, out: np.ndarray) -> None:
    """Write such a matrix back; nothing is copied where it is a view of out."""
    if not np.may_share_memory(lines, out):
        moved = np.moveaxis(out, axis if axis < 0 else axis + 1, -1)
        moved[...] = lines.reshape(moved.shape)
