"""Rows of zeros in the form of a fit's columns, to compile kernels and to time a step."""

from __future__ import annotations

import numpy as np

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.schema import SPARSE_ENTRIES, STEPS, Columns, Source, Target
from spark_deepnet.data.table import Dense, Features, Sparse, Table, Targets


def dummy_table(columns: Columns, n: int, longest: bool = False) -> Table:
    """n rows; sequences have one step, or ``longest``: as many as the longest."""
    features = {source.input: _features(source, n, longest) for source in columns.sources}
    first = columns.sources[0]
    steps = 1 if first.kind == STEPS and not longest else first.shape[0]
    targets = tuple(_targets(target, n, steps) for target in columns.targets)
    return Table(features, targets, np.ones(n), np.zeros(n, bool))


def _features(source: Source, n: int, longest: bool) -> Features:
    if source.kind == STEPS:
        return _repeated(np.zeros(source.shape[1:], source.held_as), n, source.shape[0] if longest else 1)
    if source.wide:
        size = n * SPARSE_ENTRIES
        columns, values = np.zeros(size, np.int32), np.zeros(size, np.float32)
        return Sparse(np.arange(0, size + 1, SPARSE_ENTRIES), columns, values, source.width)
    return Dense(np.zeros((n, source.width), source.held_as))


def _targets(target: Target, n: int, steps: int) -> Targets:
    one = np.zeros(target.labels or (), target.dtype)
    return _repeated(one, n, steps) if target.steps else np.repeat(one[None], n, 0)


def _repeated(step: np.ndarray, n: int, steps: int) -> Ragged:
    """n rows of ``steps`` steps."""
    return Ragged(np.repeat(step[None], n * steps, 0), np.arange(n + 1) * steps)
