"""Scores that are no numbers though the features are: raised, skipped or kept as handleInvalid says, never a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, Source
from spark_deepnet.errors import DataError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.output import Output as Mark
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.cut import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score import score as module
from spark_deepnet.score.blocks import score_in_blocks
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import ScorePlan, score
from spark_deepnet.score.streamed import score_streamed
from tests.exchange.ranks import together

FAR = 3e38
ROWS = [[1, 2, 3], [FAR, FAR, FAR], [0, 1, 0], [FAR, -FAR, 0], [-1, 0, 1]]
STRANGE = [False, True, False, True, False]
TWO = (
    Dense(2, name="kind"),
    Mark("hinge", name="kind out"),
    Dense(1, name="age", inputs=("features",)),
    Mark("squared"),
)
LOSSES = [
    ("softmax_cross_entropy", 3),
    ("sigmoid_cross_entropy", 1),
    ("sigmoid_cross_entropy", 2),
    ("hinge", 1),
    ("hinge", 2),
    ("squared", 1),
    ("squared", 2),
    ("poisson", 1),
]
SENTENCE = r"transform: scores that are NaN or infinite \(2 found\), though the features are finite"


def plan_of(layers: Any, loss: str, invalid: str, steps: bool = False) -> ScorePlan:
    """All weights are 10."""
    shape = (4, 3) if steps else (3,)
    made = Architecture(tuple(d.to_json() for d in layers), (InputSpec(shape, steps=steps),), Loss.of(loss).to_json())
    weights = np.full(Layout(made.scores_net()).size, 10, np.float32)
    outputs = tuple(Output.of(h.loss, h.units, h.steps, h.name if k else "") for k, h in enumerate(made.heads()))
    source = Source(shape, kind=STEPS) if steps else Source(shape)
    return ScorePlan(made, outputs, (source,), invalid, None, f"{layers}{loss}{steps}", weights.tobytes())


def frame_of(plan: ScorePlan, rows: list[Any]) -> pd.DataFrame:
    cells = [np.asarray(row, np.float32).reshape(-1) for row in rows]
    return pd.DataFrame({plan.sources[0].columns[0]: pd.Series(cells, dtype=object)})


def check(found: pd.DataFrame) -> None:
    assert found.valid.tolist() == [not strange for strange in STRANGE]
    for name in set(found) - {"valid"}:
        for strange, cell in zip(STRANGE, found[name], strict=True):
            values = np.array(cell, np.float64).reshape(-1)
            assert np.isnan(values).all() if strange else np.isfinite(values).all()


@pytest.fixture(autouse=True)
def _no_networks_kept() -> None:
    module._runners.clear()


@pytest.mark.parametrize(("loss", "units"), LOSSES)
@pytest.mark.parametrize("invalid", ["error", "skip", "keep"])
def test_scores_that_are_no_numbers_are_what_handle_invalid_says(loss: str, units: int, invalid: str) -> None:
    plan = plan_of((Dense(units),), loss, invalid)
    frame = frame_of(plan, ROWS)
    if invalid == "error":
        with pytest.raises(DataError, match=SENTENCE):
            list(score(plan, [frame]))
    else:
        check(next(score(plan, [frame])))


def test_a_mean_that_is_infinite_is_none() -> None:
    plan = plan_of((Dense(1),), "poisson", "error")
    with pytest.raises(DataError, match="infinite"):
        list(score(plan, [frame_of(plan, [[3, 3, 3]])]))  # e^100


def test_any_output_makes_a_row_invalid() -> None:
    plan = plan_of(TWO, "squared", "keep")
    check(next(score(plan, [frame_of(plan, ROWS)])))


def test_any_step_makes_a_row_invalid() -> None:
    plan = plan_of((Dense(2),), "softmax_cross_entropy", "keep", steps=True)
    rows = [np.ones((2, 3)), np.array([[1, 1, 1], ROWS[1]]), np.ones((4, 3)), np.array([ROWS[3]]), np.ones((1, 3))]
    check(next(score(plan, [frame_of(plan, rows)])))
    with pytest.raises(DataError, match=SENTENCE):
        list(score(plan_of((Dense(2),), "hinge", "error", steps=True), [frame_of(plan, rows)]))


def test_layer_by_layer_it_is_the_same() -> None:
    def scored(invalid: str) -> pd.DataFrame:
        plan = plan_of((Dense(3),), "softmax_cross_entropy", invalid)
        views = Layout(plan.architecture.scores_net()).views(np.frombuffer(plan.weights, np.float32))
        return next(score_streamed(plan, views.__getitem__, iter([frame_of(plan, ROWS)])))

    check(scored("skip"))
    with pytest.raises(DataError, match=SENTENCE):
        scored("error")


@pytest.mark.parametrize("invalid", ["error", "keep"])
def test_all_ranks_of_blocks_say_the_same(invalid: str) -> None:
    plan = plan_of((Dense(64), Dense(3)), "softmax_cross_entropy", invalid)

    def work(channel: Channel) -> Any:
        net = cut(plan.architecture.scores_net(), channel.rank, 2)
        weights = np.full(Layout(net).size, 10, np.float32)
        frames = [frame_of(plan, ROWS)] if channel.rank else [frame_of(plan, ROWS[:1])]
        return list(score_in_blocks(plan, net, weights, channel, iter(frames)))

    found = together("memory", 2, work, deadline=20.0)
    if invalid == "error":
        assert [str(error).count("NaN or infinite (2 found)") for error in found] == [1, 1]
    else:
        check(found[1][0])
