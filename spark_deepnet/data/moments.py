"""Mean and deviation of columns from exact sums: the same bits in any order of the rows, and however many ranks hold
them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isqrt
from typing import Any

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Dense, Features, Sparse, Table, Targets
from spark_deepnet.kernels.exact_sums import LIMBS, UNIT_BITS, add_exactly, whole_numbers

INPUT, TARGET = "input", "target"
ROOT_BITS = 128
"""Of a root, before it is rounded to float32."""
MIN_DEVIATION_BITS = -25
"""A deviation of less than 2^-25 of the mean, which float32 cannot hold, is 0."""
Column = tuple[str, str]
"""INPUT and its name, or TARGET and its number."""


class Sums:
    """Weighted sums and sums of squares, channel by channel."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.sums, self.squares = np.zeros((2, channels, LIMBS), np.int64)
        self.weight = np.zeros((1, LIMBS), np.int64)
        self._term = np.zeros(channels)

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """values: (n, channels)   weights: (n,) float64"""
        one = np.zeros((1, LIMBS), np.int64)
        add_exactly(np.ones((len(weights), 1)), weights, self.weight, one, np.zeros(1))
        add_exactly(values, weights, self.sums, self.squares, self._term)

    def plain(self) -> dict[str, Any]:
        return {
            "weight": whole_numbers(self.weight)[0],
            "sums": whole_numbers(self.sums),
            "squares": whole_numbers(self.squares),
        }


class Moments:
    """The sums of training rows of the inputs and targets that are wanted, whose numbers of channels are given."""

    def __init__(self, wanted: Mapping[Column, int]) -> None:
        self.sums = {column: Sums(channels) for column, channels in sorted(wanted.items())}

    def add(self, table: Table) -> None:
        if not self.sums:
            return
        weights = np.where(table.validation, 0.0, table.weights)
        for (kind, name), sums in self.sums.items():
            values = table.features[name] if kind == INPUT else table.targets[int(name)]
            sums.add(*_cells(values, sums.channels, weights))

    def plain(self) -> list[list[Any]]:
        """Kind, name and sums of each, as plain values."""
        return [[*column, sums.plain()] for column, sums in self.sums.items()]


def _cells(values: Features | Targets, channels: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows, cells and steps as a matrix of channels, and the weight of each."""
    if isinstance(values, Sparse):
        dense = np.zeros((len(values), values.width), np.float32)
        values.take(np.arange(len(values)), dense)
        values = dense
    if isinstance(values, Ragged):
        weights, values = np.repeat(weights, values.lengths), values.values
    flat = values.matrix if isinstance(values, Dense) else values
    cells = np.ascontiguousarray(flat).reshape(-1, channels)
    return cells, np.repeat(weights, len(cells) // max(1, len(weights)))


Statistics = dict[Column, tuple[np.ndarray, np.ndarray]]
"""Mean and deviation, float32, of each of the inputs and targets."""


def merged(parts: Iterable[list[list[Any]]]) -> Statistics:
    """From the sums of all ranks."""
    totals: dict[Column, Any] = {}
    for part in parts:
        for kind, name, sums in part:
            own = np.array([sums["sums"], sums["squares"], [sums["weight"]] * len(sums["sums"])], object)
            totals[kind, name] = own + totals.get((kind, name), 0)
    return {column: _statistics(total) for column, total in totals.items()}


def _statistics(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(over="ignore"):
        pairs = np.array([_mean_and_deviation(*column) for column in total.T], np.float64).astype(np.float32)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _mean_and_deviation(total: int, squares: int, weight: int) -> tuple[float, float]:
    """m = S / W   d = sqrt(Q / W - m^2), of exact sums in units of 2^-1074; 0 where d is only what products with weights
    were rounded by"""
    if not weight:
        return 0.0, 1.0
    variance = max(0, squares * weight - total * total)
    if variance << -2 * MIN_DEVIATION_BITS <= total * total:
        return total / weight, 0.0
    bits = UNIT_BITS + ROOT_BITS
    return total / weight, isqrt((variance << 2 * bits) // (weight * weight)) / (1 << bits)
