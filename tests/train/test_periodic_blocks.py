"""Blocks that exchange every tau steps only: against plain NumPy, the bytes they send, and what the theory promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.net import cut
from tests.train.fits import CLASSES, WIDTH, N, Rows, fit, plan_of
from tests.train.test_jobs import same_history

ROWS = Rows.drawn()
HIDDEN = 7
DEEP = (Dense(7, "relu"), BatchNorm(), Dropout(0.2), Dense(6, "tanh"), Dense(CLASSES))


@pytest.fixture(autouse=True)
def cut_small_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)


def softmax(scores: np.ndarray) -> np.ndarray:
    p = np.exp(scores - scores.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


class TwoLayers:
    """scores = tanh(x V + a) W + c in blocks of hidden units, each with its columns of V and rows of W; c is the first
    block's."""

    def __init__(self, V: np.ndarray, W: np.ndarray, blocks: int) -> None:
        units = np.array_split(np.arange(V.shape[1]), blocks)
        self.parts = [
            {"V": V[:, u].copy(), "a": np.zeros(len(u)), "W": W[u].copy(), "c": np.zeros(W.shape[1])} for u in units
        ]

    def part_of_scores(self, p: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        return np.tanh(x @ p["V"] + p["a"]) @ p["W"] + p["c"]

    def round(self, x: np.ndarray, y: np.ndarray, rate: float, tau: int) -> None:
        own = [self.part_of_scores(p, x) for p in self.parts]
        for b, p in enumerate(self.parts):
            others = sum(own) - own[b]
            for _ in range(tau):
                h = np.tanh(x @ p["V"] + p["a"])
                d = (softmax(self.part_of_scores(p, x) + others) - y) / len(x)
                dh = d @ p["W"].T * (1 - h * h)
                gradients = {"V": x.T @ dh, "a": dh.sum(0), "W": h.T @ d, "c": d.sum(0) * (b == 0)}
                for name, gradient in gradients.items():
                    p[name] -= rate * gradient

    def flat(self) -> list[np.ndarray]:
        hidden = [np.concatenate([p[name] for p in self.parts], -1) for name in "Va"]
        return [*hidden, np.concatenate([p["W"] for p in self.parts]), sum(p["c"] for p in self.parts)]


@pytest.mark.parametrize("blocks", [2, 3])
@pytest.mark.parametrize("tau", [2, 5])
def test_blocks_follow_the_formula(blocks: int, tau: int) -> None:
    plan = plan_of((Dense(HIDDEN, "tanh"), Dense(CLASSES)), learning_rate=0.2, epochs=4)
    start = fit(plan_of((Dense(HIDDEN, "tanh"), Dense(CLASSES)), learning_rate=0.0, epochs=1), ROWS.dealt(N)).weights
    V = start[: WIDTH * HIDDEN].reshape(WIDTH, HIDDEN).astype(np.float64)
    W = start[32 : 32 + HIDDEN * CLASSES].reshape(HIDDEN, CLASSES).astype(np.float64)
    model = TwoLayers(V, W, blocks)
    for _ in range(4):
        model.round(ROWS.x.astype(np.float64), np.eye(CLASSES)[ROWS.y.astype(int)], 0.2, tau)
    recipe = replace(plan.recipe, sync_every=tau)
    found = fit(replace(plan, recipe=recipe, blocks=blocks), ROWS.dealt(*[N - blocks + 1, *[1] * (blocks - 1)]))
    assert found.clock["count"] == 4 * tau
    V, a, W, c = model.flat()
    flat = found.weights
    np.testing.assert_allclose(flat[: V.size].reshape(V.shape), V, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(flat[32 : 32 + W.size].reshape(W.shape), W, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.sort(flat[64:])[-3:], np.sort(np.concatenate([a, c]))[-3:], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("tau", [1, 2, 5])
def test_bytes_a_step_fall_with_tau(tau: int) -> None:
    """What layers exchange goes once a round, so 20 steps of any tau exchange 20 / tau times."""
    layers = (Dense(64, "tanh"), Dense(64, "tanh"), Dense(64, "tanh"), Dense(CLASSES))
    sent = []
    for rounds in (4, 8):
        plan = replace(plan_of(layers, learning_rate=0.01, epochs=rounds, sync_every=tau), blocks=2)
        sent.append(fit(plan, ROWS.dealt(30, 30)).measures[0]["bytesSent"])
    a_round = (sent[1] - sent[0]) / 4
    activations = N * 4 * (64 + 64 + CLASSES)  # two joins, two shares of 64 and the scores: of two blocks, N bytes each
    assert activations < a_round < 1.2 * activations + 2000


def convex(weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Softmax regression on all rows: the loss and its gradient."""
    x = np.hstack([ROWS.x, np.ones((N, 1))]).astype(np.float64)
    y = np.eye(CLASSES)[ROWS.y.astype(int)]
    p = softmax(x @ weights)
    return float(-np.log((p * y).sum(1)).mean()), x.T @ (p - y) / N


@pytest.mark.parametrize("blocks", [2, 3])
@pytest.mark.parametrize("tau", [2, 5, 20])
def test_every_round_lowers_a_convex_loss_as_the_theorem_says(blocks: int, tau: int) -> None:
    """f(w') <= f(w) - rate tau / 2 |gradient|^2 where rate tau L <= 1/4; for this loss L <= |x x^T| / (2 n)."""
    x = np.hstack([ROWS.x, np.ones((N, 1))]).astype(np.float64)
    L = float(np.linalg.eigvalsh(x.T @ x / N).max()) / 2
    rate = 1 / (4 * L * tau)
    before = None
    for rounds in range(1, 7):
        plan = plan_of((Dense(CLASSES),), learning_rate=rate, epochs=rounds, sync_every=tau)
        flat = fit(replace(plan, blocks=blocks), ROWS.dealt(*[N - blocks + 1, *[1] * (blocks - 1)])).weights
        weights = np.vstack([flat[: WIDTH * CLASSES].reshape(WIDTH, CLASSES), flat[16 : 16 + CLASSES]]).astype(float)
        loss, gradient = convex(weights)
        if before is not None:
            assert loss <= before[0] - rate * tau / 2 * before[1] + 1e-6
        before = loss, float((gradient**2).sum())


@pytest.mark.parametrize("sync_state", ["average", "keep", "reset"])
def test_replicas_of_blocks_cut_into_jobs_equal_the_uncut_fit(sync_state: str) -> None:
    plan = plan_of(
        DEEP, batch_size=10, optimizer="adam", learning_rate=0.01, epochs=2, sync_every=3, sync_state=sync_state
    )
    plan = replace(plan, blocks=2)
    dealt = ROWS.dealt(25, 15, 0, 20)
    whole, parts = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert (whole.jobs, parts.jobs > 3) == (1, True)
    np.testing.assert_array_equal(parts.weights, whole.weights)
    same_history(parts.history, whole.history)
    assert whole.losses()[-1] < whole.losses()[0]


def test_epochs_at_the_start_are_exact() -> None:
    settings: dict[str, Any] = {"batch_size": 20, "epochs": 3, "clip_norm": 0.3}
    dealt = ROWS.dealt(30, 30)
    exact = fit(replace(plan_of(DEEP, **settings), blocks=2), dealt)
    found = fit(replace(plan_of(DEEP, **settings, sync_every=4, sync_epochs=3), blocks=2), dealt)
    np.testing.assert_array_equal(found.weights, exact.weights)
