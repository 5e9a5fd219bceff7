"""gemm against np.matmul: strides, transposes, empty sizes, beta, both float types."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from spark_deepnet.kernels.blas import LIBRARY, gemm

SIZES = [(3, 4, 5), (1, 1, 1), (1, 7, 3), (6, 1, 2), (2, 5, 1), (17, 33, 9), (0, 3, 2), (3, 0, 2), (3, 4, 0)]


LAYOUTS: dict[str, Callable[..., np.ndarray]] = {  # (draw, m, n) -> (m, n)
    "plain": lambda draw, m, n: draw(m, n),
    "transposed": lambda draw, m, n: draw(n, m).T,
    "rows apart": lambda draw, m, n: draw(2 * m, n + 3)[::2, 1 : n + 1],
    "columns apart": lambda draw, m, n: draw(m, 3 * n)[:, ::3],
    "backwards": lambda draw, m, n: draw(m, n)[::-1],
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("beta", [0.0, 1.0, 0.5])
def test_gemm_is_matmul(size: tuple[int, int, int], dtype: Any, tolerance: float, beta: float) -> None:
    m, k, n = size
    rng = np.random.default_rng(m + 10 * k + 100 * n)

    def draw(rows: int, columns: int) -> np.ndarray:
        return rng.normal(size=(rows, columns)).astype(dtype)

    for first, second in product(LAYOUTS, LAYOUTS):
        a, b, c = LAYOUTS[first](draw, m, k), LAYOUTS[second](draw, k, n), draw(m, n)
        expected = np.matmul(a, b) + dtype(beta) * c
        gemm(a, b, beta, c)
        np.testing.assert_allclose(c, expected, rtol=tolerance, atol=tolerance, err_msg=f"{first}, {second}")


def test_gemm_into_part_of_an_array() -> None:
    whole = np.zeros((6, 9))
    a, b = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(2, 4)
    gemm(a, b, 0.0, whole[1:4, 2:6])
    np.testing.assert_array_equal(whole[1:4, 2:6], a @ b)
    assert np.count_nonzero(whole) == np.count_nonzero(a @ b)


def test_beta_0_reads_nothing_of_c() -> None:
    c = np.full((3, 3), np.nan)
    gemm(np.eye(3), np.eye(3), 0.0, c)
    np.testing.assert_array_equal(c, np.eye(3))


def test_the_library_has_a_name() -> None:
    assert LIBRARY in ("mkl", "scipy")
