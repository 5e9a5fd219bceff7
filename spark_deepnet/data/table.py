"""A table of rows in memory: features (dense, sparse or sequences), targets, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import IGNORED
from spark_deepnet.kernels.gather import (
    gather_rows,
    gather_sparse_rows,
    hash_dense_entries,
    hash_sparse_entries,
    hash_words,
)
from spark_deepnet.layers._csr import Csr

THIN_FACTOR = 16
"""Sparse rows stay sparse in a batch if at most one number in THIN_FACTOR is stored."""


@dataclass(frozen=True)
class Sparse:
    """Rows as CSR: row n holds ``values[p]`` in ``columns[p]`` for p in starts[n]..starts[n + 1]."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def thin(self) -> bool:
        """Whether so few numbers are stored that sparse products are faster than dense ones."""
        return len(self.values) * THIN_FACTOR <= len(self) * self.width

    def take(self, index: np.ndarray, out: np.ndarray | Csr) -> None:
        if isinstance(out, Csr):
            out.fill(self.starts, self.columns, self.values, index)
        else:
            gather_sparse_rows(self.starts, self.columns, self.values, index, out)

    def picked(self, index: np.ndarray) -> Sparse:
        lengths = np.diff(self.starts)[index]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        entries = np.repeat(self.starts[:-1][index] - starts[:-1], lengths) + np.arange(starts[-1])
        return Sparse(starts, self.columns[entries], self.values[entries], self.width)

    def hash_into(self, out: np.ndarray) -> None:
        hash_sparse_entries(self.starts, self.columns, self.values.view(np.uint32), out)

    @staticmethod
    def joined(parts: Sequence[Sparse]) -> Sparse:
        ends = np.cumsum([0] + [len(p.values) for p in parts])
        starts = [p.starts[:-1] + end for p, end in zip(parts, ends, strict=False)]
        return Sparse(
            np.concatenate([*starts, ends[-1:]]),
            np.concatenate([p.columns for p in parts]),
            np.concatenate([p.values for p in parts]),
            parts[0].width,
        )


@dataclass(frozen=True)
class Dense:
    """Rows as one matrix (n, width)."""

    matrix: np.ndarray

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def width(self) -> int:
        return int(self.matrix.shape[1])

    def take(self, index: np.ndarray, out: np.ndarray) -> None:
        gather_rows(self.matrix, index, out)

    def picked(self, index: np.ndarray) -> Dense:
        return Dense(self.matrix[index])

    def hash_into(self, out: np.ndarray) -> None:
        hash_dense_entries(self.matrix if self.matrix.dtype == np.uint8 else self.matrix.view(np.uint32), out)

    @staticmethod
    def joined(parts: Sequence[Dense]) -> Dense:
        return parts[0] if len(parts) == 1 else Dense(np.concatenate([p.matrix for p in parts]))


Features = Dense | Sparse | Ragged
Targets = np.ndarray | Ragged


@dataclass(frozen=True)
class Table:
    """Rows as training needs them: features by input of the network; targets by output, each int32 (n,), or float64 or
    float32 (n, k), or the same for every step; weights float64 (n,)."""

    features: Mapping[str, Features]
    targets: tuple[Targets, ...]
    weights: np.ndarray
    validation: np.ndarray
    order: np.ndarray | None = None
    """(n,) uint64: numbers by which rows are in their order; None: a hash of their content is."""

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def loss_weights(self) -> list[np.ndarray]:
        """For each output (n,): each row's weight in its loss, times the row's steps if every step has a target; labels
        that are IGNORED do not count."""
        return [_loss_weights(self.weights, t) for t in self.targets]

    def picked(self, index: np.ndarray) -> Table:
        features = {name: columns.picked(index) for name, columns in self.features.items()}
        targets = tuple(t.picked(index) if isinstance(t, Ragged) else t[index] for t in self.targets)
        order = None if self.order is None else self.order[index]
        return Table(features, targets, self.weights[index], self.validation[index], order)

    def keys(self) -> np.ndarray:
        """(n,) uint64: a hash of each row's content, equal for dense and sparse rows of equal content."""
        keys = np.zeros(len(self), np.uint64)
        for targets in self.targets:
            if isinstance(targets, Ragged):
                targets.hash_into(keys)
            else:
                hash_words(_words(targets), keys)
        hash_words(_words(self.weights), keys)
        if self.order is not None:
            hash_words(_words(self.order), keys)
        for number, columns in enumerate(self.features.values()):
            hash_words(np.full((len(self), 1), number, np.uint32), keys)  # distinguishes inputs with the same entries
            columns.hash_into(keys)
        return keys

    @staticmethod
    def joined(parts: Sequence[Table]) -> Table:
        return Table(
            {name: joined_features([p.features[name] for p in parts]) for name in parts[0].features},
            tuple(joined_targets(targets) for targets in zip(*(p.targets for p in parts), strict=True)),
            np.concatenate([p.weights for p in parts]),
            np.concatenate([p.validation for p in parts]),
            None if parts[0].order is None else np.concatenate([p.order for p in parts if p.order is not None]),
        )


def _loss_weights(weights: np.ndarray, targets: Targets) -> np.ndarray:
    """Each row's weight times the number of its targets that count."""
    values = targets.values if isinstance(targets, Ragged) else targets
    ignored = values == IGNORED if values.dtype == np.int32 else np.zeros(0, bool)
    if isinstance(targets, Ragged):
        left_out = np.diff(np.concatenate(([0], np.cumsum(ignored)))[targets.starts]) if ignored.any() else 0
        return weights * (targets.lengths - left_out)
    return np.where(ignored, 0.0, weights) if ignored.any() else weights


def _words(rows: np.ndarray) -> np.ndarray:
    """Each row's bits, 32 at a time."""
    words = prod(rows.shape[1:]) * rows.itemsize // 4
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint32).reshape(len(rows), words)


def joined_features(parts: Sequence[Any]) -> Features:
    if len({type(p) for p in parts}) > 1:
        parts = [as_sparse(p) for p in parts]
    return type(parts[0]).joined(parts)  # type: ignore[no-any-return]


def joined_targets(parts: Sequence[Any]) -> Targets:
    return Ragged.joined(parts) if isinstance(parts[0], Ragged) else np.concatenate(parts)


def as_sparse(features: Dense | Sparse) -> Sparse:
    """Dense rows as sparse ones: every entry is stored, including zeros."""
    if isinstance(features, Sparse):
        return features
    n, width = features.matrix.shape
    columns = np.tile(np.arange(width, dtype=np.int32), n)
    return Sparse(np.arange(n + 1, dtype=np.int64) * width, columns, features.matrix.reshape(-1), width)
