"""Scores and targets at the ends of the numbers: a loss is right, or is no number; it is never another number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from spark_deepnet.losses._metrics import METRICS
from tests.cases.losses import ROWS, Row
from tests.losses.test_laws import CUTS, UNITS, by_parts, kinds, measured, replace

Draw = Callable[[np.random.Generator, int, int], np.ndarray]
Exact = Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, np.ndarray]]
"""(scores, targets, loss) in float64 -> (loss, gradient) of each row"""


def one_far(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    z = rng.normal(size=(n, k))
    z[np.arange(n), rng.integers(0, k, n)] = rng.choice([-1e30, 1e30], n)
    return z


SCORES: dict[str, Draw] = {
    "1e-30": lambda rng, n, k: 1e-30 * rng.normal(size=(n, k)),
    "1e15": lambda rng, n, k: 1e15 * rng.normal(size=(n, k)),
    "1e30": lambda rng, n, k: 1e30 * rng.normal(size=(n, k)),
    "equal": lambda rng, n, k: np.full((n, k), 1e30),
    "equal below 0": lambda rng, n, k: np.full((n, k), -1e30),
    "around 1e4": lambda rng, n, k: 1e4 + rng.normal(size=(n, k)),
    "around 1e6": lambda rng, n, k: 1e6 + rng.normal(size=(n, k)),
    "around -1e7": lambda rng, n, k: -1e7 + rng.normal(size=(n, k)),
    "denormal": lambda rng, n, k: 1e-42 * rng.normal(size=(n, k)),
    "zeros": lambda rng, n, k: rng.choice([0.0, -0.0], (n, k)),
    "one far": one_far,
}


def softmax(z: np.ndarray, label: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    below = z - z.max(1, keepdims=True)
    chosen = np.eye(z.shape[1])[label]
    mass = logsumexp(below, axis=1)
    return mass - np.where(chosen, below, 0).sum(1), np.exp(below - mass[:, None]) - chosen


def smoothed(z: np.ndarray, label: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    """Softmax cross-entropy under any smoothing."""
    below, e, k = z - z.max(1, keepdims=True), loss.label_smoothing, z.shape[1]
    if not e:
        return softmax(z, label, loss)
    target = (1 - e) * np.eye(k)[label] + e / k
    mass = logsumexp(below, axis=1)
    return mass - (target * below).sum(1), np.exp(below - mass[:, None]) - target


def softmax_focal(z: np.ndarray, label: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    s, away = softmax(z, label, loss)
    q = -away[np.arange(len(z)), label]
    q = np.where(q > 1e-3, q, -np.expm1(-s))
    ratio = np.divide(s, q, out=np.ones_like(s), where=q > 0)
    steep = q**loss.gamma * (1 + loss.gamma * (1 - q) * ratio)
    return q**loss.gamma * s, steep[:, None] * away


def sigmoid_focal(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    yes, no = (1, 1) if loss.alpha is None else (loss.alpha, 1 - loss.alpha)
    down, up = np.log1p(np.exp(-abs(z))) + np.maximum(-z, 0), np.log1p(np.exp(-abs(z))) + np.maximum(z, 0)
    hit, miss = yes * t * expit(-z) ** loss.gamma, no * (1 - t) * expit(z) ** loss.gamma
    slow, fast = expit(-z) + loss.gamma * expit(z) * down, expit(z) + loss.gamma * expit(-z) * up
    return (hit * down + miss * up).sum(1), miss * fast - hit * slow


def quantile(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    e, q = z - t, loss.quantile
    return np.where(e < 0, -q * e, (1 - q) * e).mean(1), np.where(e < 0, -q, (1 - q) * (e > 0)) / z.shape[1]


def sigmoid(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    return (np.where(z > 0, (1 - t) * z, -t * z) + np.log1p(np.exp(-abs(z)))).sum(1), expit(z) - t


def squared(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    return ((z - t) ** 2).mean(1), 2 * (z - t) / z.shape[1]


def absolute(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    return abs(z - t).mean(1), np.sign(z - t) / z.shape[1]


def huber(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    c = np.clip(z - t, -loss.delta, loss.delta)
    return (c * (z - t - c / 2)).mean(1), c / z.shape[1]


def poisson(z: np.ndarray, t: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    return (np.exp(z) - t * z).mean(1), (np.exp(z) - t) / z.shape[1]


def hinge(z: np.ndarray, label: np.ndarray, loss: Any) -> tuple[np.ndarray, np.ndarray]:
    signs = 2 * label[:, None] - 1 if z.shape[1] == 1 else 2 * np.eye(z.shape[1])[label] - 1
    h = np.maximum(0, 1 - signs * z)
    return (h**loss.power).sum(1), -signs * (2 * h if loss.power == 2 else h > 0)


EXACT: dict[str, Exact] = {
    "softmax_cross_entropy": smoothed,
    "softmax_focal": softmax_focal,
    "sigmoid_focal": sigmoid_focal,
    "quantile": quantile,
    "sigmoid_cross_entropy": sigmoid,
    "squared": squared,
    "absolute": absolute,
    "huber": huber,
    "poisson": poisson,
    "hinge": hinge,
}
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.loss!r}-{r.units}")
each_float = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drawn(row: Row, name: str, n: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores and weights that are numbers of float32, and targets."""
    rng = np.random.default_rng(3)
    z = SCORES[name](rng, n, row.units).astype(np.float32).astype(np.float64)
    return z, row.targets(rng, n), rng.choice([0.5, 1.0, 2.0], n)


def assert_right(found: Any, right: Any, digits: float, highest: float, where: str) -> None:
    """Right to so many digits of the largest; numbers above the highest may be infinite."""
    found, right = np.asarray(found, np.float64), np.asarray(right, np.float64)
    scale = np.abs(np.where(np.isfinite(right), right, 0)).max(initial=0)
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(found - right) <= digits * scale + 1e-37) | (found == right))
    wrong &= np.isfinite(found) | (np.abs(right) < highest)
    assert not wrong.any(), f"{where}: found {found[wrong][:3]}, right {right[wrong][:3]}"


@every_row
@each_float
def test_the_loss_of_extreme_scores_is_exact(row: Row, dtype: Any) -> None:
    for name in SCORES:
        z, t, w = drawn(row, name)
        with np.errstate(all="ignore"):
            loss, gradients = measured(row, z, t, w, dtype)
            values, exact = EXACT[row.loss.kind](z, t, row.loss)
            right = w @ values
        digits = 2e-6 if dtype == np.float32 else 1e-12
        assert_right(loss, right, digits, 3e38, name)
        assert_right(gradients, w[:, None] * exact, digits, 3e38 if dtype == np.float32 else 1e300, name)


@kinds
@each_float
def test_so_is_that_of_scores_cut_over_blocks(row: Row, dtype: Any) -> None:
    row = replace(row, units=UNITS)
    for name in SCORES:
        z, t, w = drawn(row, name)
        with np.errstate(all="ignore"):
            loss, _, gradients = by_parts(row, z, t, w, CUTS[4], dtype)
            values, exact = EXACT[row.loss.kind](z, t, row.loss)
            right = w @ values
        digits = 2e-6 if dtype == np.float32 else 1e-12
        assert_right(loss, right, digits, 3e38, name)
        assert_right(gradients, w[:, None] * exact, digits, 3e38 if dtype == np.float32 else 1e300, name)


@every_row
@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_seen(row: Row, strange: float) -> None:
    """NaN gives a loss and a metric that are NaN; infinity gives what the formula gives."""
    z, t, w = row.draw(5)
    z[2, 0] = strange
    with np.errstate(all="ignore"):
        loss, _ = measured(row, z, t, w, np.float32)
        values, _ = EXACT[row.loss.kind](z, t, row.loss)
    assert np.isnan(strange) <= np.isnan(loss)
    assert np.isfinite(loss) <= np.isfinite(w @ values)
    metric = METRICS[row.loss.task].sum(z, t, w)
    assert np.isnan(metric) == np.isnan(strange)
