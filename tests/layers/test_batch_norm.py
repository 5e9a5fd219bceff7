"""Batch normalisation over several ranks is that over one, and its moving statistics follow Keras's law."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.layer import Call

LAYER, SHAPE = BatchNorm(momentum=0.9), (2, 3, 5)


class Total:
    """Sums over the ranks, which are threads."""

    def __init__(self, ranks: int) -> None:
        self.vectors: list[np.ndarray] = []
        self.barrier = Barrier(ranks)

    def __call__(self, vector: np.ndarray) -> None:
        self.barrier.wait()
        self.vectors.append(vector.copy())
        self.barrier.wait()
        vector[:] = sum(self.vectors)
        if self.barrier.wait() == 0:
            self.vectors.clear()
        self.barrier.wait()


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.uniform(0.5, 2, a.shape) for name, a in LAYER.weights(SHAPE).items()}


def trained(x: np.ndarray, dy: np.ndarray, call: Call, out: list[Any]) -> None:
    """One pass of one rank: y, dx, gradients and weights afterwards."""
    w, y, dx = weights(), np.empty_like(x), np.empty_like(x)
    call.saved = {name: np.empty((len(x), *s), t) for name, (s, t) in LAYER.saves(SHAPE).items()}
    LAYER.forward(w, x, y, call)
    gradients = {name: np.empty_like(a) for name, a in w.items()}
    LAYER.backward(w, x, y, dy, dx, gradients, call)
    out[:] = [y, dx, gradients, w]


@pytest.mark.parametrize("cuts", [(3,), (0,), (2, 7), (4, 4, 9)])
def test_ranks_together_are_one(cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.normal(2, 3, (9, *SHAPE)), rng.normal(size=(9, *SHAPE))
    whole: list[Any] = []
    trained(x, dy, Call(training=True), whole)
    xs, dys = np.split(x, cuts), np.split(dy, cuts)
    total, found = Total(len(xs)), [list[Any]() for _ in xs]
    threads = [
        Thread(target=trained, args=(a, b, Call(training=True, total=total), out))
        for a, b, out in zip(xs, dys, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in (0, 1):
        np.testing.assert_allclose(np.concatenate([f[i] for f in found]), whole[i], rtol=1e-11, atol=1e-12)
    for name in whole[2]:
        np.testing.assert_allclose(sum(f[2][name] for f in found), whole[2][name], rtol=1e-11, atol=1e-12)
        for f in found:
            np.testing.assert_allclose(f[3][name], whole[3][name], rtol=1e-12)


def test_moving_statistics_follow() -> None:
    x, before, out = np.random.default_rng(0).normal(2, 3, (9, *SHAPE)), weights(), list[Any]()
    trained(x, x, Call(training=True), out)
    w = out[3]
    np.testing.assert_allclose(w["moving_mean"], 0.9 * before["moving_mean"] + 0.1 * x.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(w["moving_variance"], 0.9 * before["moving_variance"] + 0.1 * x.var(axis=(0, 1, 2)))
    trained(x[:0], x[:0], Call(training=True), out)
    np.testing.assert_array_equal(out[3]["moving_variance"], before["moving_variance"])


@pytest.mark.parametrize(
    ("updates", "refreshes", "decay"),
    [
        *(
            (None, False, 0.9),
            (0, False, 0.0),
            (1, False, 0.1),
            (9, False, 0.5),
            (80, False, 80 / 89),
            (999, False, 0.9),
        ),
        *((0, True, 0.0), (1, True, 1 / 2), (99, True, 0.99), (199, True, 199 / 200)),
    ],
)
def test_the_first_batches_of_a_fit_count_more(updates: int | None, refreshes: bool, decay: float) -> None:
    x, before, out = np.random.default_rng(0).normal(2, 3, (9, *SHAPE)), weights(), list[Any]()
    trained(x, x, Call(training=True, updates=updates, refreshes=refreshes), out)
    expected = decay * before["moving_mean"] + (1 - decay) * x.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(out[3]["moving_mean"], expected)


LENGTHS = np.array([2, 0, 1, 1, 2, 0, 2, 1, 1], np.int32)


def padded(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, dy, which of their steps are real); the others are zeros."""
    rng = np.random.default_rng(seed)
    real = np.arange(SHAPE[0]) < LENGTHS[:, None]
    x, dy = rng.normal(2, 3, (9, *SHAPE)), rng.normal(size=(9, *SHAPE))
    return x * real[..., None, None], dy * real[..., None, None], real


def test_padding_counts_in_no_statistic_and_no_gradient() -> None:
    """The real steps as rows of one step each are the reference."""
    (x, dy, real), out, alone = padded(), list[Any](), list[Any]()
    trained(x, dy, Call(training=True, lengths=LENGTHS), out)
    trained(x[real][:, None], dy[real][:, None], Call(training=True), alone)
    for found, expected in zip(out[:2], alone[:2], strict=True):
        np.testing.assert_allclose(found[real], expected[:, 0], rtol=1e-11, atol=1e-12)
    for found, expected in zip(out[2:], alone[2:], strict=True):
        for name in found:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-11, atol=1e-12)


def test_ranks_with_padded_rows_are_one() -> None:
    (x, dy, real), whole = padded(3), list[Any]()
    trained(x, dy, Call(training=True, lengths=LENGTHS), whole)
    total, found = Total(2), [list[Any](), list[Any]()]
    threads = [
        Thread(target=trained, args=(x[own], dy[own], Call(training=True, total=total, lengths=LENGTHS[own]), out))
        for own, out in zip((slice(0, 2), slice(2, 9)), found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in (0, 1):
        np.testing.assert_allclose(np.concatenate([f[i] for f in found])[real], whole[i][real], rtol=1e-11, atol=1e-12)
    for f in found:
        np.testing.assert_allclose(f[3]["moving_variance"], whole[3]["moving_variance"], rtol=1e-12)
