"""exp and its kin against SciPy in float64, over the ranges and at the ends of both float types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from spark_deepnet.kernels.jit import kernel
from spark_deepnet.kernels.stable import erf, exp, expm1, log, sigmoid, softplus, tanh


@kernel
def each_exp(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = exp(x[i])


@kernel
def each_expm1(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = expm1(x[i])


@kernel
def each_log(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = log(x[i])


@kernel
def each_tanh(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = tanh(x[i])


@kernel
def each_sigmoid(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = sigmoid(x[i])


@kernel
def each_softplus(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = softplus(x[i])


@kernel
def each_erf(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = erf(x[i])


FUNCTIONS: list[tuple[Any, Callable[[np.ndarray], np.ndarray], float, float]] = [  # kernel, reference, low, high
    (each_exp, np.exp, -86.0, 88.0),
    (each_expm1, np.expm1, -86.0, 88.0),
    (each_log, np.log, 1e-30, 1e30),
    (each_tanh, np.tanh, -86.0, 86.0),
    (each_sigmoid, special.expit, -85.0, 85.0),
    (each_softplus, lambda x: np.logaddexp(0, x), -85.0, 85.0),
    (each_erf, special.erf, -20.0, 20.0),
]
each_function = pytest.mark.parametrize(
    ("kernel", "reference", "low", "high"), FUNCTIONS, ids=lambda v: getattr(v, "__name__", None)
)


def of(kernel: Any, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    kernel(x, y)
    return y


@each_function
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-7), (np.float64, 1e-14)])
def test_accuracy(kernel: Any, reference: Any, low: float, high: float, dtype: Any, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.uniform(low, high, 4000), *(rng.uniform(-s, s, 1000) for s in (4.0, 1.0, 1e-3))]
    x = np.concatenate([part[(part >= low) & (part <= high)] for part in parts]).astype(dtype)
    expected = reference(x.astype(np.float64))
    np.testing.assert_allclose(of(kernel, x), expected, rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_ends(dtype: Any) -> None:
    x = np.array([-np.inf, -1e30, -1000.0, 0.0, 1000.0, 1e30, np.inf], dtype)
    ones = np.ones(3)
    np.testing.assert_array_equal(of(each_exp, x)[:4], [0, 0, 0, 1])
    assert (of(each_exp, x)[4:] > 1e38).all()
    np.testing.assert_array_equal(of(each_expm1, x)[:4], [-1, -1, -1, 0])
    np.testing.assert_array_equal(of(each_tanh, x), [*-ones, 0, *ones])
    np.testing.assert_allclose(of(each_erf, x), [*-ones, 0, *ones], rtol=1e-7)
    np.testing.assert_allclose(of(each_sigmoid, x), [0, 0, 0, 0.5, 1, 1, 1], atol=1e-37)
    np.testing.assert_allclose(of(each_softplus, x), [0, 0, 0, np.log(2), 1000, 1e30, np.inf], rtol=1e-6, atol=1e-37)


@each_function
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_stays_nan(kernel: Any, reference: Any, low: float, high: float, dtype: Any) -> None:
    assert np.isnan(of(kernel, np.full(20, np.nan, dtype))).all()


@pytest.mark.parametrize(("low", "high"), [(-90.0, -84.0), (86.0, 92.0)])
def test_exp_never_falls_near_its_ends(low: float, high: float) -> None:
    y = of(each_exp, np.linspace(low, high, 4001).astype(np.float32))
    assert (y[1:] >= y[:-1] * np.float32(0.9999999)).all()
