"""Inputs at the ends of the numbers: what a layer gives is right, or is no number; it is never another number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.cases.layer_case import LayerCase
from tests.cases.layers import LAYERS
from tests.layers.test_laws import Passes, mapped

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def one_far(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One number of a row far from all others."""
    x = rng.normal(size=(shape[0], int(np.prod(shape[1:]))))
    x[np.arange(shape[0]), rng.integers(0, x.shape[1], shape[0])] = 1e30
    return x.reshape(shape)


EXTREMES: dict[str, Draw] = {
    "1e-30": lambda rng, shape: 1e-30 * rng.normal(size=shape),
    "1e15": lambda rng, shape: 1e15 * rng.normal(size=shape),
    "1e30": lambda rng, shape: 1e30 * rng.normal(size=shape),
    "equal": lambda rng, shape: np.full(shape, 1e30),
    "equal below 0": lambda rng, shape: np.full(shape, -1e30),
    "around 1e6": lambda rng, shape: 1e6 + rng.normal(size=shape),
    "around -1e7": lambda rng, shape: -1e7 + 8 * rng.normal(size=shape),
    "denormal": lambda rng, shape: 1e-42 * rng.normal(size=shape),
    "zeros": lambda rng, shape: rng.choice([0.0, -0.0], shape),
    "one far": one_far,
}
DRAWS = {"dropout", "spatial_dropout2d", "random_crop", "random_flip"}
"""What moves or drops numbers, and computes none."""
TOKENS = {"embedding"}
LEFT: set[str] = set()
OVERFLOWS = {"multi_head_attention", "local_response_norm"}
"""Products of inputs leave float32 from about 1e19 on."""
CANCELS = {"multi_head_attention": 1e-6}
"""Gradients that are differences of numbers of the size of dy: what float32 leaves of them."""
CASES = [case for case in LAYERS if case.layer.kind not in DRAWS | TOKENS | LEFT]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_float = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def passes(case: LayerCase, draw: Draw, dtype: Any) -> Passes:
    """On inputs that are numbers of float32."""
    p, rng = Passes(case, dtype=dtype), np.random.default_rng(1)
    p.x = mapped(lambda x: draw(rng, x.shape).astype(np.float32).astype(dtype), p.x)
    p.w = {name: a.astype(np.float32).astype(dtype) for name, a in p.w.items()}
    p.dy = p.dy.astype(np.float32).astype(dtype)
    return p


def wide(arrays: Any) -> Any:
    return mapped(lambda a: a.astype(np.float64), arrays)


def assert_right_or_none(
    found: np.ndarray, right: np.ndarray, where: str, may_be_none: bool = False, least: float = 1e-35
) -> None:
    """Right to what the type's digits allow of the largest number of the row, or beyond its range."""
    digits = 1e-5 if found.dtype == np.float32 else 1e-10
    with np.errstate(over="ignore", invalid="ignore"):
        expected = right.astype(found.dtype).astype(np.float64)
        scale = np.abs(np.where(np.isfinite(right), right, 0)).max(initial=0)
        near = (np.abs(found - expected) <= digits * scale + least) | (found == expected)
    beyond = ~np.isfinite(found) & (may_be_none | ~np.isfinite(expected))
    wrong = ~(near | beyond)
    assert not wrong.any(), f"{where}: found {found[wrong][:3]}, right {right[wrong][:3]}"


@each_case
@each_float
def test_what_a_layer_gives_is_right_or_no_number(case: LayerCase, dtype: Any) -> None:
    for name, draw in EXTREMES.items():
        p = passes(case, draw, dtype)
        with np.errstate(all="ignore"):
            y = p.forward()
            right = case.reference({k: wide(a) for k, a in p.w.items()}, wide(p.x))
        assert_right_or_none(y, right, name, case.layer.kind in OVERFLOWS)


@each_case
def test_the_gradients_in_float32_are_those_in_float64_or_no_numbers(case: LayerCase) -> None:
    for name, draw in EXTREMES.items():
        found = []
        for dtype in (np.float32, np.float64):
            p = passes(case, draw, dtype)
            with np.errstate(all="ignore"):
                y, dx = p.forward(), p.room()
                gradients = p.backward(p.x, y, p.dy, dx)
            found.append([*(dx if isinstance(dx, tuple) else (dx,)), *gradients.values()])
        for narrow, right in zip(*found, strict=True):
            kind = case.layer.kind
            assert_right_or_none(narrow, right, name, kind in OVERFLOWS, CANCELS.get(kind, 1e-35))


@each_case
@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_nan_stays_nan_and_infinity_is_seen(case: LayerCase, strange: float) -> None:
    """Where the reference gives no number, the layer gives none."""
    p = passes(case, lambda rng, shape: rng.uniform(0.5, 2, shape), np.float32)
    x = p.x[0] if isinstance(p.x, tuple) else p.x
    x[1].reshape(-1)[0] = strange
    with np.errstate(all="ignore"):
        y, right = p.forward(), case.reference({k: wide(a) for k, a in p.w.items()}, wide(p.x))
    strays = ~np.isfinite(right) & np.isfinite(y)
    assert not strays.any(), f"found {y[strays][:3]}, right {right[strays][:3]}"
    others = [0, 2, 3]
    assert_right_or_none(y[others], right[others], "the other rows")
