"""Fits in blocks whose scores stay cut up to the loss: the same as of the whole network, and what they hold and send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import Target
from spark_deepnet.layers._split_loss import SplitLoss
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net import cut
from spark_deepnet.net.buffers import Buffers
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.plan import TrainPlan
from tests.data.frames import lists
from tests.train.fits import WIDTH, Fit, N, Rows, fit, plan_of
from tests.train.test_every_step import Sequences, plan_of_steps
from tests.train.test_every_step import dealt as dealt_rows

ROWS = Rows.drawn()
CHANCE = np.random.default_rng(2)
CLASSES = 37
LABELS = (np.abs(ROWS.x @ CHANCE.normal(size=(WIDTH, 1)))[:, 0] * 11 % CLASSES).astype(int)
WIDE = (Dense(6, "tanh"), Dropout(0.2), Dense(CLASSES))
GRIDS = [(1, 2), (1, 3), (2, 2), (1, 4)]
each_grid = pytest.mark.parametrize(("replicas", "blocks"), GRIDS, ids=str)
SOFTMAX = "softmax_cross_entropy"
FITS = [*((SOFTMAX, *grid) for grid in GRIDS), *((loss, 2, 3) for loss in Loss.names() if loss != SOFTMAX)]
SEQUENCES = Sequences()


@pytest.fixture(autouse=True)
def cut_small_layers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)


def shares(n: int, size: int) -> list[int]:
    """Uneven ones, of which one has no row."""
    return [0, *map(int, np.diff(np.linspace(0, n, size).astype(int)))]


def dealt(targets: Any, size: int) -> list[list[pd.DataFrame]]:
    return replace(ROWS, y=np.array([*targets, None], object)[:-1]).dealt(*shares(N, size))


def told(loss: str) -> tuple[dict[str, Any], Any]:
    """How a loss's targets lie in a column, and the targets."""
    task = Loss.of(loss).task
    if task == "classification":
        return {"classes": CLASSES}, LABELS.astype(float)
    hot = np.eye(CLASSES, dtype=np.float32)[LABELS]
    return {"labels": CLASSES, "classes": 0, "indicators": task == "multilabel"}, hot


def plan_of_wide(loss: str = SOFTMAX, layers: Any = WIDE, **recipe: Any) -> TrainPlan:
    """20 steps over rows of different weights, some of which are kept for validation."""
    settings: dict[str, Any] = {
        "weighted": True, "validated": True, "batch_size": 9, "epochs": 4, "optimizer": "momentum", "learning_rate": 0.05,
    }  # fmt: skip
    return plan_of(layers, loss, columns=told(loss)[0], **settings | recipe)


def of_replicas(ranks: list[list[pd.DataFrame]], replicas: int, blocks: int) -> list[list[pd.DataFrame]]:
    """The same rows dealt to whole networks: the batches are those of the replicas."""
    return [[f for r in own for f in ranks[r]] for own in map(Grid(replicas, blocks).of_replica, range(replicas))]


def same(plan: TrainPlan, ranks: list[list[pd.DataFrame]], replicas: int, blocks: int) -> Fit:
    """The fit in blocks, which must be close to that of whole networks, which is given."""
    whole = fit(plan, of_replicas(ranks, replicas, blocks))
    close(fit(replace(plan, blocks=blocks), ranks), whole)
    return whole


def close(found: Fit, expected: Fit) -> None:
    error = np.linalg.norm(found.weights - expected.weights)
    assert error <= 1e-4 * np.linalg.norm(expected.weights)
    for a, b in zip(found.history, expected.history, strict=True):
        for key in a.keys() - {"seconds", "rowsPerSecond"}:
            assert a[key] == pytest.approx(b[key], rel=1e-4), key


def num_stats(plan: TrainPlan, blocks: int) -> list[Any]:
    """The nodes of a block where scores stay cut, once every block is seen to gather none."""
    nets = [plan.recipe.block_net(block, blocks) for block in range(blocks)]
    for net in nets:
        assert not [node.name for node in net.nodes if node.name.endswith("dense_2/gather")]
    return [node for node in nets[0].nodes if isinstance(node.layer, SplitLoss)]


@pytest.mark.parametrize(("loss", "replicas", "blocks"), FITS)
def test_a_fit_whose_scores_stay_cut_equals_the_fit(loss: str, replicas: int, blocks: int) -> None:
    plan, (_, targets) = plan_of_wide(loss), told(loss)
    (node,) = num_stats(plan, blocks)
    assert node.shape == (-(-CLASSES // blocks),)
    assert same(plan, dealt(targets, replicas * blocks), replicas, blocks).clock["count"] == 20


@each_grid
def test_so_does_one_of_several_outputs(replicas: int, blocks: int) -> None:
    """One is cut by classes, one by numbers behind an activation, one is a lone score."""
    layers = (
        Dense(6, "tanh", name="trunk"),
        Dense(CLASSES, "softmax"),
        Output(weight=0.5),
        Dense(19, "sigmoid", inputs=("trunk",)),
        Output("squared", weight=2.0),
        Dense(1, inputs=("trunk",)),
        Output("hinge"),
    )
    targets = (
        Target("y", classes=CLASSES),
        Target("z", labels=19, column="label 1"),
        Target("s", classes=2, column="label 2"),
    )
    plan = plan_of_wide(layers=layers)
    plan = replace(plan, columns=replace(plan.columns, targets=targets))
    more = {"label 1": list(np.eye(19, dtype=np.float32)[LABELS % 19]), "label 2": LABELS % 2.0}
    rows = replace(ROWS, y=LABELS.astype(float)).frame().assign(**more)
    assert [node.shape for node in num_stats(plan, blocks)] == [(-(-CLASSES // blocks),), (-(-19 // blocks),)]
    same(plan, dealt_rows(rows, *shares(N, replicas * blocks)), replicas, blocks)


@each_grid
def test_so_do_sequences_with_a_class_for_every_step(replicas: int, blocks: int) -> None:
    y = [(np.abs(x.sum(1)) * 11 % CLASSES).astype(int) for x in SEQUENCES.x]
    plan = plan_of_steps(
        layers=(LSTM(5, sequences=True), Dense(CLASSES)), columns={"classes": CLASSES}, weighted=True, validated=True
    )
    assert [node.shape for node in num_stats(plan, blocks)] == [(5, -(-CLASSES // blocks))]
    rows = SEQUENCES.whole(y)
    same(plan, dealt_rows(rows, *shares(len(rows), replicas * blocks)), replicas, blocks)


def test_over_sockets_the_bits_are_the_same() -> None:
    plan, rows = replace(plan_of_wide(), blocks=2), dealt(LABELS.astype(float), 4)
    found, again = fit(plan, rows, "sockets"), fit(plan, rows)
    np.testing.assert_array_equal(found.weights, again.weights)


@pytest.mark.parametrize(
    ("loss", "tau", "blocks"), [(SOFTMAX, 3, 2), (SOFTMAX, 2, 3), ("hinge", 3, 3), ("squared", 3, 2)]
)
def test_what_blocks_remember_of_rows_does_for_the_scores_themselves(
    monkeypatch: pytest.MonkeyPatch, loss: str, tau: int, blocks: int
) -> None:
    """Steps without exchange go as where each block remembers the others' scores."""
    plan, (_, targets) = replace(plan_of_wide(loss, sync_every=tau), blocks=blocks), told(loss)
    rows = dealt(targets, 2 * blocks)
    found = fit(plan, rows)
    monkeypatch.setattr(type(Loss.of(loss)), "num_stats", None)
    plan = replace(plan, recipe=replace(plan.recipe))  # without the nets that it keeps
    assert [node.name for node in plan.recipe.block_net(0, blocks).nodes][-1] == "dense_2/gather"
    close(found, fit(plan, rows))


def test_every_block_hears_of_scores_that_one_has_lost() -> None:
    """In whose part of the classes they are."""
    plan = plan_of_wide(learning_rate=1e39)
    with pytest.raises(ArithmeticError, match="loss became NaN or infinite in epoch 1, step 2"):
        fit(replace(plan, blocks=3), dealt(LABELS.astype(float), 3))


def test_no_block_holds_a_row_of_whole_scores() -> None:
    """Neither their values nor their gradients, nor what is remembered of them."""
    for tau in (1, 3):
        net = plan_of_wide(sync_every=tau, layers=(Dense(6, "tanh"), Dense(1000))).recipe.block_net(0, 4)
        made = Buffers(net, 1, np.float32, True)
        arrays = [*made.values.values(), *made.kept.values(), *made.gradients.values()]
        assert max(array.size for array in arrays) == 250


def sent(plan: TrainPlan, blocks: int) -> list[float]:
    """Bytes of each rank in a step."""
    rows = replace(ROWS, y=LABELS.astype(float)).dealt(*[N // blocks] * blocks)
    one, two = (
        [
            m["bytesSent"]
            for m in fit(replace(plan, recipe=replace(plan.recipe, epochs=e), blocks=blocks), rows).measures
        ]
        for e in (1, 2)
    )
    return [b - a for a, b in zip(one, two, strict=True)]


def test_a_step_sends_some_numbers_a_row_and_no_score() -> None:
    """Of two blocks: half of the input's entries, the sum of its gradient, four numbers of each row; the measures, and at
    the end of the epoch whether all weights are finite."""
    for classes in (CLASSES, 1000):
        plan = plan_of((Dense(8, "tanh"), Dense(classes)), columns={"classes": classes})
        assert sent(plan, 2) == [4 * N * (8 / 2 + 8 + 4) + 4 * 16 + 8] * 2


def names(layers: Any, least: int | None = None) -> list[str]:
    net = Net.of(layers, {INPUT: (100,)})
    return [node.name for node in cut.cut(net, 0, 2, least=least, num_stats=(4,)).nodes]


def test_few_scores_are_gathered_or_summed() -> None:
    """So are they where to gather the input would cost more, and where something else reads them whole."""
    least = 1 << 12
    assert names((Dense(300, "relu"), Dense(10)), least)[-1] == "dense_2/reduce"
    assert names((Dense(100, "relu"), Dense(255)), least)[-1] == "dense_2/reduce"
    assert names((Dense(100, "relu"), Dense(256)), least)[-2:] == ["dense_2", "dense_2/stats"]
    assert names((Dense(200, "relu"), Dense(299)), least)[-1] == "dense_2/reduce"
    assert names((Dense(100, "relu"), Dense(256, "tanh")), least)[-2:] == ["dense_2/tanh", "dense_2/tanh/stats"]
    assert names((Dense(100, "relu"), Dense(256), "layer_norm"), least)[-2:] == ["dense_2/reduce", "layer_norm"]


def test_an_activation_that_a_loss_does_not_know_is_on_the_way_to_scores_that_stay_cut() -> None:
    hot = lists(list(np.eye(CLASSES, dtype=np.float32)[LABELS]))
    rows = replace(ROWS, y=np.array([*hot, None], object)[:-1])
    plan = plan_of_wide("absolute", (Dense(6, "tanh"), Dense(CLASSES, "gelu")))
    assert num_stats(plan, 2)
    close(fit(replace(plan, blocks=2), rows.dealt(20, 40)), fit(plan, rows.dealt(N)))
