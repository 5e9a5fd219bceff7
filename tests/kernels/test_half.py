"""Half precision beside NumPy's casts: every half there is, floats of every size, the edges of rounding."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.kernels.half import add_half, from_half, largest_finite, to_half
from spark_deepnet.kernels.jit import JIT

HALVES = np.arange(0, 1 << 16, 1 if JIT else 61, dtype=np.uint16)


def widened(halves: np.ndarray) -> np.ndarray:
    return halves.view(np.float16).astype(np.float32)


def edges() -> np.ndarray:
    """Every half, the points midway between neighbours, and the floats beside these."""
    exact = widened(HALVES)
    exact = np.sort(exact[np.isfinite(exact)])
    midway = (exact[1:] + exact[:-1]) / 2
    beside = [np.nextafter(midway, np.float32(way)) for way in (-1e9, 1e9)]
    strange = np.float32([np.nan, np.inf, -np.inf, 65504, 65519.99, 65520, -65520, 1e30, 1e-30, 0.0, -0.0])
    return np.concatenate([exact, midway, *beside, strange])


def test_every_half_is_widened_exactly() -> None:
    found = np.empty(HALVES.size, np.float32)
    from_half(HALVES, 1.0, found)
    np.testing.assert_array_equal(found, widened(HALVES))
    assert (np.signbit(found) == np.signbit(widened(HALVES))).all()


@pytest.mark.parametrize("scale", [1.0, 0.25, 2.0**20])
def test_floats_are_rounded_to_the_nearest_even(scale: float) -> None:
    values = edges()
    found = np.empty(values.size, np.uint16)
    to_half(values, scale, found)
    with np.errstate(over="ignore"):
        expected = (values * np.float32(scale)).astype(np.float16)
    np.testing.assert_array_equal(found.view(np.float16), expected)
    same = ~np.isnan(values)
    np.testing.assert_array_equal(found[same], expected.view(np.uint16)[same])


def test_halves_are_scaled_and_added() -> None:
    halves = HALVES[np.isfinite(widened(HALVES))]
    found = np.ones(halves.size, np.float32)
    add_half(halves, 0.5, found)
    np.testing.assert_array_equal(found, 1 + widened(halves) / 2)


@pytest.mark.parametrize(
    ("values", "largest"),
    [
        ([], 0.0),
        ([0.0, -0.0], 0.0),
        ([1.0, -3.0, 2.0], 3.0),
        ([np.nan, 1e-42, np.inf, -np.inf], 1e-42),
        ([np.inf, np.nan], 0.0),
        ([-3.4e38, 5.0], 3.4e38),
    ],
)
def test_the_largest_finite_magnitude(values: list[float], largest: float) -> None:
    assert largest_finite(np.array(values, np.float32)) == np.float32(largest)
