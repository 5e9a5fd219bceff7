"""Mean and deviation of training rows are those of exact arithmetic, and of the same bits however rows are divided."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from spark_deepnet.data.moments import INPUT, TARGET, Moments, Statistics, merged
from spark_deepnet.data.ragged import Ragged
from spark_deepnet.data.table import Dense, Features, Sparse, Table

N, WIDTH = 60, 5
WANTED = {(INPUT, "x"): WIDTH, (TARGET, "0"): 1}


def table(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, rows: np.ndarray, features: Features | None = None
) -> Table:
    return Table({"x": features or Dense(x[rows])}, (y[rows],), weights[rows], rows % 4 == 3)


def taken(x: np.ndarray, y: np.ndarray, weights: np.ndarray, parts: list[np.ndarray]) -> Statistics:
    """As ranks with these rows take them."""
    plain = []
    for rows in parts:
        moments = Moments(WANTED)
        moments.add(table(x, y, weights, rows))
        plain.append(moments.plain())
    return merged(plain)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of all sizes, far from 0 and near it."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(N, WIDTH)) + [0, 1e3, -5, 0, 2]) * [1e-30, 1, 1e-3, 1e18, 255]
    return x.astype(np.float32), 1e4 + rng.normal(size=(N, 1))


def exact(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    w, v = [Fraction(float(each)) for each in weights], [Fraction(float(each)) for each in values]
    mean = sum(a * b for a, b in zip(w, v, strict=True)) / sum(w)
    return float(mean), sqrt(sum(a * (b - mean) ** 2 for a, b in zip(w, v, strict=True)) / sum(w))


@pytest.mark.parametrize("weights", [np.ones(N), np.arange(N) % 3.0, np.random.default_rng(5).random(N)])
def test_they_are_those_of_exact_arithmetic(weights: np.ndarray) -> None:
    """Validation rows are not among them."""
    x, y = drawn(0)
    statistics = taken(x, y, weights, [np.arange(N)])
    train = np.arange(N) % 4 != 3
    for column, values in ((INPUT, "x"), x), ((TARGET, "0"), y):
        mean, deviation = statistics[column]
        wanted = [exact(each[train], weights[train]) for each in values.T]
        np.testing.assert_allclose(mean, [m for m, _ in wanted], rtol=1e-7)
        np.testing.assert_allclose(deviation, [d for _, d in wanted], rtol=2e-7)


def test_no_division_of_the_rows_changes_a_bit() -> None:
    x, y = drawn(1)
    weights = np.random.default_rng(2).random(N)
    whole = taken(x, y, weights, [np.arange(N)])
    for ranks in (2, 3, 7):
        order = np.random.default_rng(ranks).permutation(N)
        parts = taken(x, y, weights, [*np.array_split(order, ranks), order[:0]])
        for column, pair in whole.items():
            np.testing.assert_array_equal(pair, parts[column])


def test_sparse_and_ragged_rows() -> None:
    x, y = drawn(3)
    x[x < 0] = 0
    places = np.nonzero(x)
    starts = np.concatenate(([0], np.cumsum((x != 0).sum(1)))).astype(np.int64)
    sparse = Sparse(starts, places[1].astype(np.int32), x[places], WIDTH)
    steps = Ragged(x, np.concatenate(([0], np.sort(np.random.default_rng(0).integers(0, N, N - 1)), [N])))
    every, weights = np.arange(N), np.ones(N)
    for features, counted in (sparse, every % 4 != 3), (steps, np.repeat(every % 4 != 3, steps.lengths)):
        moments = Moments(WANTED)
        moments.add(table(x, y, weights, every, features))
        dense = Moments(WANTED)
        dense.add(Table({"x": Dense(x)}, (y,), counted * 1.0, np.zeros(N, bool)))
        np.testing.assert_array_equal(merged([moments.plain()])[INPUT, "x"], merged([dense.plain()])[INPUT, "x"])


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_a_column_that_does_not_vary_has_a_deviation_of_0(weight: float) -> None:
    x, y = drawn(4)
    x[:, 0], y[:] = np.float32(0.1), 1e300
    statistics = taken(x, y, np.full(N, weight), [np.arange(N)])
    assert statistics[INPUT, "x"][0][0] == np.float32(0.1)
    assert statistics[INPUT, "x"][1][0] == 0
    assert (statistics[INPUT, "x"][1][1:] > 0).all()


def test_what_is_not_finite_is_left_out() -> None:
    """Such rows fail the fit, in a sentence of their own."""
    x, y = drawn(5)
    x[0, 0], x[1, 1] = np.nan, np.inf
    assert np.isfinite(taken(x, y, np.ones(N), [np.arange(N)])[INPUT, "x"]).all()
