"""Products with sparse rows against the same rows dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.sparse import add_product, add_rows, number, outer_rows, put_rows
from spark_deepnet.layers._csr import Csr

WIDTH, UNITS = 23, 5
LENGTHS = [3, 0, 7, 1, 0, 12]
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def table(lengths: list[int], width: int = WIDTH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of so many entries, in any order; a column may recur within a row."""
    rng = np.random.default_rng(1)
    starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return starts, rng.integers(0, width, starts[-1]).astype(np.int32), rng.normal(size=starts[-1]).astype(np.float32)


def matrix(starts: np.ndarray, columns: np.ndarray, values: np.ndarray, width: int = WIDTH) -> np.ndarray:
    found = np.zeros((len(starts) - 1, width))
    np.add.at(found, (np.repeat(np.arange(len(starts) - 1), np.diff(starts)), columns), values)
    return found


def filled(index: Any, dtype: Any, lengths: list[int] = LENGTHS) -> tuple[Csr, np.ndarray]:
    x, rows = Csr(WIDTH, dtype), table(lengths)
    x.fill(*rows, np.asarray(index, np.int64))
    return x, matrix(*rows)[index]


@every_dtype
@pytest.mark.parametrize("index", [[0, 1, 2, 3, 4, 5], [2, 2, 0], [1, 4], []], ids=str)
def test_products_are_those_of_the_dense_rows(index: list[int], dtype: Any) -> None:
    rng, (x, dense) = np.random.default_rng(2), filled(index, dtype)
    W, y = rng.normal(size=(WIDTH, UNITS)).astype(dtype), rng.normal(size=(len(index), UNITS)).astype(dtype)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    wanted = y + dense @ W
    add_product(x.starts, x.columns, x.values, W, y)
    np.testing.assert_allclose(y, wanted, rtol=tolerance, atol=tolerance)
    found, whole = np.full((len(x.seen), UNITS), np.nan, dtype), np.zeros((WIDTH, UNITS))
    outer_rows(x.starts, x.places, x.values, y, found)
    whole[x.seen] = found
    np.testing.assert_allclose(whole, dense.T @ y, rtol=tolerance, atol=tolerance)
    assert x.shape == dense.shape
    assert (x.values.dtype, y.dtype) == (dtype, dtype)


def test_columns_are_seen_once_in_every_batch_anew() -> None:
    x, rows = Csr(WIDTH, np.float32), table(LENGTHS)
    for index in ([0, 2], [5], [2, 5, 0, 3], [1], [3]):
        x.fill(*rows, np.array(index))
        assert len(set(x.seen)) == len(x.seen)
        assert set(x.seen) == set(x.columns)
        np.testing.assert_array_equal(x.seen[x.places], x.columns)


def test_numbers_are_given_in_the_order_of_first_appearance() -> None:
    place, seen, places = np.full(9, -1, np.int32), np.zeros(5, np.int32), np.zeros(5, np.int32)
    assert number(np.array([4, 8, 4, 0, 8], np.int32), place, seen, places) == 3
    assert (seen[:3].tolist(), places.tolist()) == ([4, 8, 0], [0, 1, 0, 2, 1])
    assert set(place) == {-1}


@every_dtype
def test_rows_are_put_and_added(dtype: Any) -> None:
    index = np.array([3, 0, 3], np.int32)
    values, out = np.arange(6, dtype=dtype).reshape(3, 2), np.ones((5, 2), dtype)
    add_rows(values, index, out)
    assert out.tolist() == [[3, 4], [1, 1], [1, 1], [5, 7], [1, 1]]
    put_rows(values[:2], index[:2], out)
    assert out.tolist() == [[2, 3], [1, 1], [1, 1], [0, 1], [1, 1]]


def test_nan_and_infinity_go_where_their_entries_are_and_no_further() -> None:
    x, _ = filled([0, 2, 3], np.float32)
    W, y = np.ones((WIDTH, 2), np.float32), np.zeros((3, 2), np.float32)
    W[x.columns[0]] = np.nan  # of the first row
    others = [x.columns[0] in x.columns[x.starts[n] : x.starts[n + 1]] for n in range(3)]
    add_product(x.starts, x.columns, x.values, W, y)
    assert np.isnan(y).all(1).tolist() == others == [True, *others[1:]]
    assert not all(others)
