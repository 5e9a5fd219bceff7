"""Common parts of layers over whole sequences: their shape, and the lengths of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError, ParamError
from spark_deepnet.layers._masking import Masking
from spark_deepnet.layers.layer import Call, Layer, Shape


def check_sequence(layer: Layer, x: Shape) -> None:
    if len(x) != 2:
        raise NetworkError(f"{type(layer).__name__} takes rows of (steps, features), found {x}")


def check_flags(layer: Layer, *names: str) -> None:
    """Raise a ParamError unless the fields are booleans."""
    for name in names:
        if not isinstance(getattr(layer, name), bool):
            raise ParamError(f"{type(layer).__name__}: {name} must be True or False, found {getattr(layer, name)!r}")


def lengths_of(call: Call, x: np.ndarray) -> np.ndarray:
    """The steps of each row of x: (n, steps, ...)."""
    return np.full(len(x), x.shape[1], np.int32) if call.lengths is None else call.lengths


@dataclass(frozen=True, repr=False)
class SequencePooling(Layer):
    """The base of layers that give one number for each feature of a sequence."""

    channelwise: ClassVar[bool] = True

    def shape(self, x: Shape) -> Shape:
        check_sequence(self, x)
        return x[1:]

    def masking(self, x: Shape) -> Masking:
        return Masking.ZEROS

    def lengths(self, x: Shape, lengths: np.ndarray) -> np.ndarray | None:
        return None
