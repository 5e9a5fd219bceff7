"""The size of the numbers in a rank's rows, collected while they are read: for each input, and each output's
targets."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Dense, Features, Table, Targets

MAX_COLUMNS = 4096
"""Maximum of columns that are measured separately; more are measured as one."""


class Moments:
    """Count, sum and sum of squares of the differences from the first row, column by column."""

    def __init__(self) -> None:
        self.count = 0
        self.shift = self.total = self.squares = np.zeros(0)

    def add(self, values: np.ndarray) -> None:
        """values: (n, columns)"""
        if not len(values):
            return
        if not self.count:
            self.shift = values[0].astype(np.float64)
            self.total = self.squares = np.zeros(values.shape[1])
        apart = values - self.shift
        self.count += len(values)
        self.total = self.total + apart.sum(0)
        self.squares = self.squares + np.einsum("ij,ij->j", apart, apart)

    def summary(self) -> dict[str, Any] | None:
        """The size of the column with the largest numbers, and mean and spread of the column whose spread is the
        smallest relative to the steps of float32 at its mean."""
        if not self.count:
            return None
        mean = self.shift + self.total / self.count
        spread = np.sqrt(np.maximum(self.squares / self.count - (self.total / self.count) ** 2, 0))
        size = np.sqrt(mean**2 + spread**2)
        steps = np.divide(_steps(mean), spread, out=np.zeros_like(spread), where=spread > 0)
        largest, closest = int(size.argmax()), int(steps.argmax())
        return {
            "column": largest,
            "size": float(size[largest]),
            "columns": len(size),
            "mean": float(mean[closest]),
            "spread": float(spread[closest]),
            "steps": float(steps[closest]),
        }


def _steps(mean: np.ndarray) -> np.ndarray:
    """The distance between neighbouring float32 numbers."""
    return np.spacing(np.minimum(np.abs(mean), 1e38).astype(np.float32)).astype(np.float64)


class Scales:
    """The scales of all added tables."""

    def __init__(self) -> None:
        self.inputs: dict[tuple[str, int], tuple[int, np.ndarray]] = {}
        """Input and number of separate columns (1 for sparse rows) -> numbers per column, and the sums of their
        squares."""
        self.targets: dict[int, Moments] = {}

    def add(self, table: Table) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            for name, columns in table.features.items():
                self._features(name, columns)
            for k, targets in enumerate(table.targets):
                values = _values(targets)
                if values.dtype != np.int32 and len(values):
                    self.targets.setdefault(k, Moments()).add(_matrix(values))

    def _features(self, name: str, features: Features) -> None:
        """Bytes are skipped: they are at most 255."""
        if isinstance(features, Dense):
            values = features.matrix if features.width <= MAX_COLUMNS else features.matrix.reshape(-1, 1)
        else:
            values = features.values.reshape(-1, 1)
        if values.dtype != np.uint8:
            squares = (values * values).sum(0, dtype=np.float64)
            count, before = self.inputs.get((name, len(squares)), (0, np.zeros(len(squares))))
            self.inputs[name, len(squares)] = count + len(values), before + squares

    def summary(self) -> dict[str, Any]:
        """The scales as plain values."""
        inputs: dict[str, Any] = {}
        for (name, columns), (count, squares) in self.inputs.items():
            column, size = int(squares.argmax()), sqrt(squares.max() / max(1, count))
            if size >= inputs.get(name, {"size": 0.0})["size"]:
                inputs[name] = {"column": column, "size": size, "columns": columns}
        targets = {str(k): moments.summary() for k, moments in self.targets.items()}
        return {"inputs": inputs, "targets": {k: moments for k, moments in targets.items() if moments}}


def _values(targets: Targets) -> np.ndarray:
    return targets.values if isinstance(targets, Ragged) else targets


def _matrix(values: np.ndarray) -> np.ndarray:
    columns = prod(values.shape[1:])
    return values.reshape(len(values), columns) if columns <= MAX_COLUMNS else values.reshape(-1, 1)
