"""Factors of learning rate and decay: every weight takes the steps of its own, and frozen weights keep their bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.exchange.compressions.fp16 import FP16
from spark_deepnet.exchange.compressions.topk import TopK
from spark_deepnet.kernels.gradients import clip_and_decay
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.mean_image import MeanImage
from spark_deepnet.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from spark_deepnet.net import cut
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.run import Runner
from spark_deepnet.train.state import init_state
from tests.cases.optimizers import ROWS as OPTIMIZERS
from tests.cases.optimizers import Row
from tests.train import test_sparse
from tests.train.fits import CLASSES, WIDTH, N, Rows, fit, plan_of

ROWS = Rows.drawn()
RATES = {"a/W": 0.5, "a/b": 2.0, "b/W": 0.0, "b/b": 1.0, "c/W": 3.0, "c/b": 0.0}
DECAYS = {"a/W": 1.0, "a/b": 0.5, "b/W": 1.0, "b/b": 0.0, "c/W": 2.0, "c/b": 1.0}


def of(factors: dict[str, float], layer: str) -> dict[str, float]:
    return {name[2:]: factor for name, factor in factors.items() if name[0] == layer}


PLAIN: tuple[Layer, ...] = (Dense(5, "tanh", name="a"), Dense(4, "tanh", name="b"), Dense(CLASSES, name="c"))
LAYERS = tuple(replace(x, rates=of(RATES, str(x.name)), decays=of(DECAYS, str(x.name))) for x in PLAIN)
STEPS, RATE, L1, L2 = 4, 0.1, 0.001, 0.02


def by_hand(row: Row) -> dict[str, np.ndarray]:
    """Each array by itself, by the optimizer's own step."""
    net, rows = Net.of(PLAIN, {INPUT: (WIDTH,)}), len(ROWS)
    layout = net.layout
    w = layout.init_weights(7)
    runner, weights = Runner(net, w, rows), layout.named(w)
    states = {name: init_state(row.optimizer, array.size) for name, array in weights.items()}
    for count in range(1, STEPS + 1):
        runner.feed(rows)[INPUT][...] = ROWS.x
        scores = runner.forward(rows, True)
        share = np.full(rows, 1 / rows, np.float32)
        SoftmaxCrossEntropy().measure(scores, ROWS.y.astype(np.int32), share, runner.gradient(rows))
        runner.backward(rows)
        gradients = layout.named(runner.gradients)
        for name, array in weights.items():
            g, decay = gradients[name].reshape(-1), DECAYS[name]
            clip_and_decay(array.reshape(-1), L1 * decay, L2 * decay, 3e38, 1.0, g)
            row.optimizer.step(array.reshape(-1), g, tuple(states[name]), RATE * RATES[name], count, decay)
    return weights


@pytest.mark.parametrize("row", OPTIMIZERS, ids=lambda row: repr(row.optimizer))
def test_every_weight_takes_steps_of_its_own(row: Row) -> None:
    plan = plan_of(LAYERS, optimizer=row.optimizer, learning_rate=RATE, epochs=STEPS, l1=L1, l2=L2)
    layout = plan.recipe.scores_net().layout
    found = layout.named(fit(plan, ROWS.dealt(N)).weights)
    start = layout.named(layout.init_weights(7))
    for name, expected in by_hand(row).items():
        if RATES[name]:
            np.testing.assert_allclose(found[name], expected, rtol=2e-4, atol=2e-6, err_msg=name)
            assert (found[name] != start[name]).any(), name
        else:
            np.testing.assert_array_equal(found[name], start[name], err_msg=name)


def test_without_factors_all_weights_go_in_two_calls_and_with_them_in_more() -> None:
    def runs(layers: Any) -> list[tuple[float, float]]:
        return [run[1:] for run in Net.of(layers, {INPUT: (WIDTH,)}).layout.runs()]

    assert runs(PLAIN) == [(1.0, 1.0), (0.0, 1.0)]
    assert runs(LAYERS) == [(1.0, 0.5), (0.5, 2.0), (2.0, 3.0), (0.0, 1.0)]
    caffe = [replace(layer, rates={"W": 1, "b": 2}) for layer in PLAIN]
    assert runs(caffe) == [(1.0, 1.0), (0.0, 2.0)]


FROZEN = (
    MeanImage(name="mean"),
    Dense(6, "tanh", name="a", trainable=False),
    BatchNorm(name="norm", trainable=False),
    Dense(5, "tanh", name="b", rates={"b": 0.0}),
    BatchNorm(name="own"),
    Dense(CLASSES, name="c"),
)
KEPT = ("mean/mean", "a/W", "a/b", "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance", "b/b")
WAYS: dict[str, dict[str, Any]] = {
    "synchronous": {},
    "averaged": {"sync_every": 2},
    "decay": {"optimizer": "adamw", "l2": 0.1, "l1": 0.01},
    "compressed": {"compression": FP16()},
    "few": {"compression": TopK(0.3)},
    "clipped": {"clip_norm": 0.05, "optimizer": "momentum"},
    "lamb": {"optimizer": "lamb"},
}


@pytest.mark.parametrize("shares", [(N,), (30, 30), (25, 0, 35)], ids=str)
@pytest.mark.parametrize("name", WAYS)
def test_frozen_weights_keep_their_bits(name: str, shares: tuple[int, ...]) -> None:
    plan = plan_of(FROZEN, **{"batch_size": 20, "learning_rate": 0.05} | WAYS[name])
    check_kept(plan, fit(plan, ROWS.dealt(*shares)).weights)


@pytest.mark.parametrize("blocks", [2, 3])
@pytest.mark.parametrize("tau", [1, 3])
def test_in_blocks_too(blocks: int, tau: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    plan = plan_of(FROZEN, batch_size=20, sync_every=tau, learning_rate=0.05)
    found = fit(replace(plan, blocks=blocks), ROWS.dealt(*np.diff(np.linspace(0, N, 2 * blocks + 1).astype(int))))
    check_kept(plan, found.weights)
    if tau == 1:
        whole = fit(plan_of(FROZEN, batch_size=1000, learning_rate=0.05), ROWS.dealt(N))
        cut_up = fit(
            replace(plan_of(FROZEN, batch_size=1000, learning_rate=0.05), blocks=blocks),
            ROWS.dealt(N, *[0] * (blocks - 1)),
        )
        np.testing.assert_allclose(cut_up.weights, whole.weights, rtol=1e-4, atol=1e-5)


def check_kept(plan: Any, weights: np.ndarray) -> None:
    layout = plan.recipe.scores_net().layout
    found, start = layout.named(weights), layout.named(layout.init_weights(7))
    for key in start:
        if key in KEPT:
            np.testing.assert_array_equal(found[key], start[key], err_msg=key)
        else:
            assert (found[key] != start[key]).any(), key


@pytest.mark.parametrize("name", test_sparse.RECIPES)
@pytest.mark.parametrize("deal", [(60,), (30, 30)], ids=str)
def test_weights_of_sparse_rows_have_factors_too(name: str, deal: tuple[int, ...], monkeypatch: Any) -> None:
    for rate in (0.0, 0.5):
        layers = (Dense(5, "tanh", name="a", rates={"W": rate}, decays={"W": 2.0}), Dense(CLASSES))
        plan = test_sparse.sparse_plan(**test_sparse.RECIPES[name] | {"layers": layers})
        found = fit(plan, test_sparse.ROWS.dealt(*deal))
        test_sparse.same(found, test_sparse.densified(monkeypatch, plan, test_sparse.ROWS.dealt(*deal)))
        layout = plan.recipe.scores_net().layout
        start = layout.named(layout.init_weights(7))["a/W"]
        assert np.array_equal(layout.named(found.weights)["a/W"], start) == (rate == 0)


def test_gradients_of_frozen_weights_are_not_sent() -> None:
    def sent(layers: Any) -> float:
        found = fit(plan_of(layers, epochs=3), ROWS.dealt(30, 30))
        return sum(row["bytesSent"] for row in found.measures)

    wide = (Dense(300, "tanh", name="a"), Dense(CLASSES))
    frozen = (replace(wide[0], trainable=False), wide[1])
    assert sent(wide) - sent(frozen) >= 3 * 4 * 300 * (WIDTH + 1)
