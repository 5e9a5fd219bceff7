"""How large the numbers of rows are, whatever tables bring them."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.scales import Scales
from spark_deepnet.data.table import Dense, Features, Sparse, Table

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(50, 3)) * [1, 1e6, 1]).astype(np.float32)


def table(features: Features, targets: np.ndarray) -> Table:
    n = len(targets)
    return Table({"f": features}, (targets,), np.ones(n), np.zeros(n, bool))


def test_the_largest_column_is_told_from_several_tables() -> None:
    scales, t = Scales(), RNG.normal(size=(50, 2)) + [0, 1e9]
    for part in (slice(0, 1), slice(1, 1), slice(1, 50)):
        scales.add(table(Dense(X[part]), t[part]))
    told = scales.summary()
    assert told["inputs"]["f"]["column"] == 1
    assert told["inputs"]["f"]["size"] == pytest.approx(np.sqrt((X[:, 1].astype(float) ** 2).mean()), rel=1e-5)
    assert told["targets"]["0"]["mean"] == pytest.approx(t[:, 1].mean(), rel=1e-12)
    assert told["targets"]["0"]["spread"] == pytest.approx(t[:, 1].std(), rel=1e-6)
    assert told["targets"]["0"]["steps"] == pytest.approx(64 / t[:, 1].std(), rel=1e-6)


def test_sparse_and_ragged_numbers_are_measured_as_one_and_bytes_and_classes_not_at_all() -> None:
    labels = np.zeros(2, np.int32)
    for features in (
        Sparse(np.array([0, 1, 2]), np.zeros(2, np.int32), np.full(2, 7, np.float32), 9),
        Ragged(np.full((2, 3), 7, np.float32), np.array([0, 0, 2])),
    ):
        scales = Scales()
        scales.add(table(features, labels))
        assert scales.summary() == {"inputs": {"f": {"column": 0, "size": 7.0, "columns": 1}}, "targets": {}}
    scales = Scales()
    scales.add(table(Dense(np.full((2, 3), 255, np.uint8)), labels))
    assert scales.summary() == {"inputs": {}, "targets": {}}
