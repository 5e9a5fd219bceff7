"""Dropout's law of chance: the laws of the table hold for one draw."""

from __future__ import annotations

import numpy as np

from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.layer import Call


def kept(rate: float, x: np.ndarray, key: int, rows: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    saved = {name: np.zeros((len(x), *s), t) for name, (s, t) in Dropout(rate).saves(x.shape[1:]).items()}
    Dropout(rate).forward({}, x, y, Call(training=True, key=np.uint64(key), rows=rows, saved=saved))
    return y


X, ROWS = np.ones((200, 50), np.float32), np.arange(200, dtype=np.uint64)


def test_share_and_mean_are_as_asked() -> None:
    y = kept(0.3, X, 5, ROWS)
    assert abs((y == 0).mean() - 0.3) < 0.02
    assert abs(y.mean() - 1) < 0.03
    np.testing.assert_allclose(y[y > 0], 1 / 0.7, rtol=1e-6)


def test_a_row_drops_the_same_units_wherever_it_lies() -> None:
    whole = kept(0.5, X, 5, ROWS)
    np.testing.assert_array_equal(kept(0.5, X[:80], 5, ROWS[120:]), whole[120:])
    np.testing.assert_array_equal(kept(0.5, X, 5, ROWS[::-1].copy()), whole[::-1])


def test_steps_and_rows_draw_anew() -> None:
    whole = kept(0.5, X, 5, ROWS)
    assert 0.4 < (kept(0.5, X, 6, ROWS) != whole).mean() < 0.6
    assert len(np.unique(whole, axis=0)) == len(X)
