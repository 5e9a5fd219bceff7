"""Rows in memory, dense, sparse and mixed: one must not be told from the other by what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.table import Dense, Sparse, Table, as_sparse
from spark_deepnet.net.net import INPUT

RNG = np.random.default_rng(5)
ROWS = np.where(RNG.random((20, 7)) < 0.6, 0, RNG.normal(size=(20, 7))).astype(np.float32)


def sparse_of(rows: np.ndarray) -> Sparse:
    """Without the zeros."""
    n, columns = np.nonzero(rows)
    starts = np.searchsorted(n, np.arange(len(rows) + 1))
    return Sparse(starts, columns.astype(np.int32), rows[n, columns], rows.shape[1])


KINDS = [Dense, sparse_of, lambda rows: as_sparse(Dense(rows))]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=["dense", "sparse", "dense as sparse"])
INDICES = [[0, 1, 2], [19, 3, 3, 0], [], list(range(20))]


def table_of(features: Any, seed: int = 0) -> Table:
    n, rng = len(features), np.random.default_rng(seed)
    targets = rng.integers(0, 3, n).astype(np.int32)
    return Table({INPUT: features}, (targets,), rng.random(n).astype(np.float32), rng.random(n) < 0.5)


@each_kind
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_take_gives_the_rows_of_the_matrix(kind: Any, index: list[int]) -> None:
    out = np.full((len(index), 7), np.nan, np.float32)
    kind(ROWS).take(np.array(index, np.int64), out)
    np.testing.assert_array_equal(out, ROWS[index])


@each_kind
def test_take_into_float64(kind: Any) -> None:
    out = np.full((2, 7), np.nan)
    kind(ROWS).take(np.array([4, 2]), out)
    np.testing.assert_array_equal(out, ROWS[[4, 2]])


@each_kind
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_picked_rows_are_a_table_of_their_own(kind: Any, index: list[int]) -> None:
    whole = table_of(kind(ROWS))
    picked = whole.picked(np.array(index, np.int64))
    features: Any = picked.features[INPUT]
    assert type(features) is type(whole.features[INPUT])
    assert (len(picked), len(features), features.width) == (len(index), len(index), 7)
    out = np.full((len(index), 7), np.nan, np.float32)
    features.take(np.arange(len(index)), out)
    np.testing.assert_array_equal(out, ROWS[index])
    np.testing.assert_array_equal(picked.targets[0], whole.targets[0][index])  # type: ignore[index]
    np.testing.assert_array_equal(picked.weights, whole.weights[index])
    np.testing.assert_array_equal(picked.validation, whole.validation[index])


@pytest.mark.parametrize("kinds", [(0, 0), (1, 1), (0, 1), (1, 0), (2, 1), (0, 1, 0), (0,), (1,)], ids=str)
def test_joined_tables_hold_all_rows_in_order(kinds: tuple[int, ...]) -> None:
    cuts = np.linspace(0, 20, len(kinds) + 1).astype(int)
    parts = [table_of(KINDS[k](ROWS[a:b]), k) for k, a, b in zip(kinds, cuts[:-1], cuts[1:], strict=True)]
    joined = Table.joined(parts)
    assert isinstance(joined.features[INPUT], Dense if set(kinds) == {0} else Sparse)
    out = np.full((20, 7), np.nan, np.float32)
    joined.features[INPUT].take(np.arange(20), out)
    np.testing.assert_array_equal(out, ROWS)
    np.testing.assert_array_equal(joined.weights, np.concatenate([p.weights for p in parts]))


@each_kind
def test_keys_are_of_the_content_alone(kind: Any) -> None:
    table = table_of(kind(ROWS))
    order = np.random.default_rng(1).permutation(20)
    keys = table.keys()
    np.testing.assert_array_equal(table.picked(order).keys(), keys[order])
    np.testing.assert_array_equal(keys, table_of(Dense(ROWS)).keys())
    twice = Table.joined([table, table]).keys()
    np.testing.assert_array_equal(twice[:20], twice[20:])


def test_rows_that_differ_anywhere_have_other_keys() -> None:
    table = table_of(Dense(ROWS))
    (targets,), keys = table.targets, table.keys()
    assert isinstance(targets, np.ndarray)
    for changed in (
        Table({INPUT: Dense(ROWS + np.float32(1e-3))}, table.targets, table.weights, table.validation),
        Table({INPUT: Dense(np.roll(ROWS, 1, axis=1))}, table.targets, table.weights, table.validation),
        Table(table.features, (targets + np.int32(1),), table.weights, table.validation),
        Table(table.features, table.targets, table.weights + np.float32(1), table.validation),
        Table(table.features, (targets, targets), table.weights, table.validation),
        Table(table.features, (np.eye(3, dtype=np.float32)[targets],), table.weights, table.validation),
    ):
        assert not set(changed.keys()) & set(keys)
    assert len(set(keys)) == 20


@each_kind
@pytest.mark.parametrize("targets", [np.zeros(0, np.int32), np.zeros((0, 2), np.float32)])
def test_a_table_without_rows(kind: Any, targets: np.ndarray) -> None:
    empty = Table({INPUT: kind(ROWS[:0])}, (targets, targets), np.zeros(0, np.float32), np.zeros(0, bool))
    assert empty.keys().shape == (0,)
    assert len(empty.picked(np.zeros(0, np.int64))) == 0
    assert len(Table.joined([empty, empty])) == 0
