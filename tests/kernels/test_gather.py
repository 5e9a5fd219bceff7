"""Rows picked and hashed: dense and sparse rows of equal content are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.gather import (
    count_not_finite,
    gather_rows,
    gather_sparse_rows,
    gather_steps,
    hash_dense_entries,
    hash_sparse_entries,
    hash_words,
)

ROWS = np.array([[0, 2, 0, -1], [0, 0, 0, 0], [3, 0, 0.5, 0], [0, 2, 0, -1]], np.float32)
STARTS, COLUMNS = np.array([0, 2, 2, 5, 7]), np.array([1, 3, 0, 1, 2, 1, 3], np.int32)
VALUES = np.array([2, -1, 3, 0, 0.5, 2, -1], np.float32)  # with a 0 that is kept


@pytest.mark.parametrize("source", [np.float32, np.float64, np.uint8])
def test_gathered_rows_are_the_sources(source: Any) -> None:
    rows, index, out = np.abs(ROWS).astype(source), np.array([2, 0, 2]), np.full((3, 4), np.nan, np.float32)
    gather_rows(rows, index, out)
    np.testing.assert_array_equal(out, rows[index])


def test_gathered_sparse_rows_are_the_dense_ones() -> None:
    index, out = np.array([3, 1, 2]), np.full((3, 4), np.nan, np.float32)
    gather_sparse_rows(STARTS, COLUMNS, VALUES, index, out)
    np.testing.assert_array_equal(out, ROWS[index])


@pytest.mark.parametrize("source", [np.float32, np.int32, np.uint8])
def test_gathered_steps_are_the_rows_own_with_zeros_behind(source: Any) -> None:
    starts, values = np.array([0, 2, 2, 5]), np.arange(10).reshape(5, 2).astype(source) + source(1)
    out = np.full((4, 3, 2), 99, np.float32)
    gather_steps(starts, values, np.array([2, 0, 1, 2]), out)
    blank = [0, 0]
    assert out.tolist() == [[[5, 6], [7, 8], [9, 10]], [[1, 2], [3, 4], blank], [blank] * 3, [[5, 6], [7, 8], [9, 10]]]


def test_hashes_tell_rows_apart_and_go_on_from_what_is_there() -> None:
    for words in (hash_words, hash_dense_entries):
        out = np.zeros(4, np.uint64)
        words(ROWS.view(np.uint32), out)
        assert out[0] == out[3]
        assert len(set(out.tolist())) == 3
        again = out.copy()
        words(ROWS.view(np.uint32), again)
        assert (again != out).sum() >= 3


def test_sparse_rows_have_the_dense_rows_hashes() -> None:
    dense, sparse = np.arange(4, dtype=np.uint64), np.arange(4, dtype=np.uint64)
    hash_dense_entries(ROWS.view(np.uint32), dense)
    hash_sparse_entries(STARTS, COLUMNS, VALUES.view(np.uint32), sparse)
    np.testing.assert_array_equal(sparse, dense)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("values", "count"), [([], 0), ([1, -2, 0], 0), ([np.nan], 1), ([np.inf, 1, -np.inf, np.nan], 3), ([3e38], 0)]
)
def test_what_is_not_finite_is_counted(values: list[float], count: int, dtype: Any) -> None:
    assert count_not_finite(np.array(values, dtype)) == count
