"""The study of averaging: its replicas are those of a fit, and its arithmetic is SparkNet's."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.shard import Shard
from spark_deepnet.data.table import Table
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers import Dense, Dropout, Rescaling
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.dataset_stats import DatasetStats
from spark_deepnet.train.loop import Loop
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.state import State
from tests.examples.test_examples import EXAMPLES, told
from tests.exchange.ranks import results

sys.path.append(str(EXAMPLES))  # the examples find one another there

from sparknet_figures import draw
from sparknet_replicas import Replicas, recipe_of, table_of
from sparknet_speedups import best, break_even, first, naive, reached, speedup

BATCH, EPOCHS = 5, 3
MOMENTUM = {"kind": "momentum", "momentum": 0.9}
DEALS = [(20, 20), (33, 0, 12), (40,)]
each_deal = pytest.mark.parametrize("deal", DEALS, ids=str)


def tables(deal: tuple[int, ...]) -> list[Table]:
    rng = np.random.default_rng(sum(deal))
    return [table_of(rng.integers(0, 256, (n, 2, 3), np.uint8), rng.integers(0, 3, n)) for n in deal]


def recipe(**more: Any) -> Recipe:
    layers = (Rescaling(1 / 255), Dense(5, "tanh"), Dropout(0.2), Dense(3))
    return recipe_of(layers, (6,), MOMENTUM, 0.05, batch_size=BATCH, epochs=EPOCHS, seed=3, **more)


def looped(recipe: Recipe, dealt: list[Table]) -> np.ndarray:
    """The weights that a fit comes to, its ranks as threads."""
    stats = DatasetStats(sum(map(len, dealt)), 0, (0.0,), "")

    def job(channel: Channel) -> np.ndarray:
        table = dealt[channel.rank]
        shard = Shard(InMemoryDataset.all_of(table), InMemoryDataset.all_of(table.picked(np.zeros(0, np.int64))), 0)
        state = State.initial(recipe.scores_net().layout, recipe.optimizer, recipe.seed, False, recipe.outer_steps)
        Loop(recipe, shard, channel, stats, state, Meter()).run(lambda: False, lambda _: None)
        return state.weights

    return results("memory", len(dealt), job)[0]


def rounds(recipe: Recipe, dealt: list[Table], tau: int, count: int) -> np.ndarray:
    replicas = Replicas(recipe, dealt)
    for _ in range(count):
        replicas.round(tau)
    replicas.close()
    return replicas.weights


@each_deal
@pytest.mark.parametrize("state", ["average", "keep", "reset"])
def test_replicas_one_after_another_are_those_of_a_fit_bit_for_bit(deal: tuple[int, ...], state: str) -> None:
    """Rounds of 3 pass over the ends of epochs."""
    made, dealt = recipe(sync_every=3, sync_state=state), tables(deal)
    steps = EPOCHS * -(-sum(deal) // (BATCH * len(deal)))
    assert steps % 3 == 0
    np.testing.assert_array_equal(rounds(made, dealt, 3, steps // 3), looped(made, dealt))


@each_deal
def test_so_they_are_with_momentum_between_averages(deal: tuple[int, ...]) -> None:
    made, dealt = recipe(sync_every=3, sync_momentum=0.5, sync_rate=0.9), tables(deal)
    steps = EPOCHS * -(-sum(deal) // (BATCH * len(deal)))
    np.testing.assert_array_equal(rounds(made, dealt, 3, steps // 3), looped(made, dealt))


@pytest.mark.parametrize("state", ["average", "keep"])
def test_to_average_after_each_step_is_to_step_together(state: str) -> None:
    """Of equal shares, with an optimizer whose step is linear in the gradients."""
    made, dealt = recipe(sync_state=state), tables((20, 20))
    together = looped(replace(made, batch_size=2 * BATCH), dealt)
    np.testing.assert_allclose(rounds(made, dealt, 1, 12), together, rtol=2e-5, atol=1e-6)


def test_evaluation_is_of_the_mean_weights_and_changes_nothing() -> None:
    made, dealt = recipe(sync_state="keep"), tables((20, 20))
    replicas = Replicas(made, dealt)
    for _ in range(4):
        replicas.round(3)
        loss, accuracy = replicas.evaluate(dealt[0])
    replicas.close()
    weights = rounds(made, dealt, 3, 4)
    np.testing.assert_array_equal(replicas.weights, weights)
    views = Layout(made.scores_net()).views(weights)
    W, b, V, c = (view for own in views.values() for view in own.values())
    x = dealt[0].features["features"].matrix / 255  # type: ignore[union-attr]
    scores = np.tanh(x @ W + b) @ V + c
    y = dealt[0].targets
    assert accuracy == pytest.approx((scores.argmax(1) == y).mean())
    shifted = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    assert loss == pytest.approx(-shifted[np.arange(len(x)), y].mean(), rel=1e-5)


CURVES = [
    {"replicas": k, "tau": tau, "seed": seed, "iterations": i, "accuracy": a}
    for k, tau, seed, curve in [
        (1, 1, 0, [(50, 0.5), (100, 0.7), (150, 0.9)]),
        (1, 1, 1, [(50, 0.8)]),
        (4, 10, 0, [(10, 0.5), (20, 0.9)]),
        (4, 100, 0, [(100, 0.7)]),
    ]
    for i, a in curve
]


def test_the_first_time_at_the_accuracy_is_read_between_evaluations() -> None:
    assert first([(50, 0.5), (100, 0.7), (150, 0.9)], 0.75) == pytest.approx(112.5)
    found = reached(CURVES, 0.8)
    assert found == {(1, 1): pytest.approx((125 + 50) / 2), (4, 10): pytest.approx(17.5), (4, 100): float("inf")}


def test_speedups_are_ratios_of_seconds() -> None:
    serial, iterations, tau, step, exchange = 600.0, 200.0, 25, 0.02, 0.3
    seconds = (tau * step + exchange) * (iterations / tau)
    assert speedup(serial, iterations, tau, exchange / step) == pytest.approx(serial * step / seconds)
    assert naive(4, exchange / step) == pytest.approx(step / (step / 4 + exchange))
    assert naive(4, 0) == 4


def test_where_it_gains_and_which_tau_is_best() -> None:
    cells = {(1, 1): 100.0, (2, 1): 60.0, (2, 10): 70.0, (2, 50): 100.0}
    assert best(cells, 2, 0)[0] == 1
    assert best(cells, 2, 1) == (10, pytest.approx(100 * 10 / (11 * 70)))
    assert [break_even(cells, 2, ratio) for ratio in (0, 1, 10)] == [1, 10, None]


SEEDS = {(1, 1): [100.0, 90.0], (2, 1): [60.0], (2, 10): [70.0, 75.0], (5, 1): [40.0, 45.0], (5, 10): [90.0]}


def test_figures_are_drawn(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib").use("agg")
    draw(SEEDS, {"sockets": 0.2}, tmp_path)
    assert len(list(tmp_path.glob("sparknet_*.png"))) == 3


def test_without_matplotlib_a_sentence_says_what_to_install(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match=r'pip install "spark_deepnet\[study\]"'):
        draw(SEEDS, {}, tmp_path)


def test_momentum_between_averages_is_compared_at_each_sides_best_rate(tmp_path: Any) -> None:
    printed = told("outer_step_study.py --seeds 1 --taus 5", tmp_path)
    (row,) = re.findall(
        r"^\| small \| 4 \| 5 \| (\S+) ± 0.00 % at (\S+) \| (\S+) ± 0.00 % at (\S+) \| (\S+) ", printed, re.M
    )
    plain, rate, outer, other, difference = map(float, row)
    assert outer - plain == pytest.approx(difference, abs=0.011)
    assert max(plain, outer) < 20
    assert {rate, other} <= {0.01, 0.02, 0.04, 0.08, 0.16}


def test_runs_of_a_study_are_kept_and_not_made_again(tmp_path: Any) -> None:
    command = f"outer_step_study.py --seeds 2 --taus 50 --rates 0.02 --out {tmp_path / 'runs.csv'}"
    printed = told(command, tmp_path)
    rows = (tmp_path / "runs.csv").read_text().splitlines()
    assert len(rows) == len(set(rows)) == 1 + 2 * 2, "of two sides and two seeds, each once"
    (tmp_path / "runs.csv").write_text(
        "\n".join([rows[0], *(f"{row[: row.rindex(',')]},50.0" for row in rows[1:])]) + "\n"
    )
    assert "| 50.00 ± 0.00 % at 0.02 | 50.00 ± 0.00 % at 0.02 | 0.00 ± 0.00 %" in told(command, tmp_path)
    assert "%" in printed


def test_more_replicas_take_fewer_steps(tmp_path: Any) -> None:
    printed = told("sparknet_study.py --seeds 2", tmp_path)
    serial = float(re.findall(r"serial: (\d+)", printed)[0])
    two, four = (float(re.findall(rf"^\| {k} \| (\d+)", printed, re.M)[0]) for k in (2, 4))
    assert four < serial
    assert two < serial
