"""What a row of the tables of layers is, and the random numbers that the rows need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spark_deepnet.layers.layer import Layer

KEY = np.uint64(0xC0FFEE0123456789)


def rows_numbers(n: int) -> np.ndarray:
    """The numbers that the laws give to n rows."""
    return np.arange(n, dtype=np.uint64) * np.uint64(7) + np.uint64(3)


@dataclass(frozen=True)
class LayerCase:
    layer: Layer
    x_shape: Any
    """Of one row; a tuple of shapes for a layer with ``multi_input``."""
    reference: Callable[[dict[str, np.ndarray], Any], np.ndarray]
    """(w, x) -> y in float64."""
    bad: tuple[tuple[Callable[[], Any], str], ...] = ()
    """What must raise a DeepNetError, and a part of its sentence."""
    kinks: tuple[float, ...] = ()
    """Where the gradient jumps: no x is drawn near."""
    training: bool = False

    @property
    def id(self) -> str:
        return f"{self.layer!r} {self.x_shape}{' training' * self.training}"


def splitmix(key: Any, i: Any) -> np.ndarray:
    """kernels.random.bits over arrays."""
    z = np.asarray(key, np.uint64) + (np.asarray(i, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
