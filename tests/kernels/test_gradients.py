"""Gradients between the backward pass and the optimizer: clipped, decayed, measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.gradients import all_finite, clip_and_decay
from spark_deepnet.kernels.reductions import sum_of_squares

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drawn(n: int, dtype: Any, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).astype(dtype), rng.normal(size=n).astype(dtype)


@both_dtypes
@pytest.mark.parametrize(
    ("l1", "l2", "bound", "scale"),
    [
        (0.0, 0.0, np.inf, 1.0),
        (0.1, 0.0, np.inf, 0.5),
        (0.0, 0.2, 0.7, 2.0),
        (0.3, 0.4, 0.1, 1.0),
        (0.1, 0.1, 0.0, 1.0),
    ],
)
@pytest.mark.parametrize("n", [0, 1, 15, 200])
def test_clip_and_decay_is_its_formula(dtype: Any, l1: float, l2: float, bound: float, scale: float, n: int) -> None:
    w, g = drawn(n, dtype)
    expected = np.clip(g * scale, -bound, bound) + l2 * w + l1 * np.sign(w)
    before = w.copy()
    clip_and_decay(w, l1, l2, bound, scale, g)
    np.testing.assert_allclose(g, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(w, before)


@both_dtypes
def test_zeros_stay_zeros(dtype: Any) -> None:
    w, g = np.zeros(33, dtype), np.zeros(33, dtype)
    clip_and_decay(w, 0.1, 0.1, np.inf, 3.0, g)
    np.testing.assert_array_equal(g, 0)


@both_dtypes
def test_nan_is_not_clipped_away(dtype: Any) -> None:
    w, g = drawn(40, dtype)
    g[7], g[8] = np.nan, np.inf
    clip_and_decay(w, 0.0, 0.0, 1.0, 1.0, g)
    assert np.flatnonzero(np.isnan(g)).tolist() == [7]
    assert g[8] == 1


@both_dtypes
@pytest.mark.parametrize("n", [0, 1, 31, 1000])
def test_sum_of_squares_is_numpys_in_float64(dtype: Any, n: int) -> None:
    g, _ = drawn(n, dtype, seed=1)
    found = sum_of_squares(g)
    assert isinstance(found, float)
    np.testing.assert_allclose(found, (g.astype(np.float64) ** 2).sum(), rtol=1e-13)


def test_sum_of_squares_is_the_same_wherever_the_vector_lies() -> None:
    room, g = np.zeros(1100, np.float32), drawn(1000, np.float32, seed=2)[0]
    sums = []
    for start in range(20):
        room[start : start + 1000] = g
        sums.append(sum_of_squares(room[start : start + 1000]))
    assert len(set(sums)) == 1


def test_sum_of_squares_does_not_overflow_float32() -> None:
    np.testing.assert_allclose(sum_of_squares(np.full(4, 1e30, np.float32)), 4e60, rtol=1e-6)


@both_dtypes
@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 63, 64, 99])
def test_all_finite_finds_the_one_that_is_not(dtype: Any, strange: float, place: int) -> None:
    v, _ = drawn(100, dtype)
    assert all_finite(v)
    v[place] = strange
    assert not all_finite(v)


@both_dtypes
def test_all_finite_lets_the_extremes_pass(dtype: Any) -> None:
    limits = np.finfo(dtype)
    assert all_finite(np.array([limits.max, limits.min, limits.tiny, 0.0], dtype))
    assert all_finite(np.empty(0, dtype))
