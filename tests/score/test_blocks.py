"""Ranks that each hold a block score as one that holds all weights does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data.schema import STEPS, VECTOR, Source
from spark_deepnet.errors import DataError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.cut import cut
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score import blocks, streamed
from spark_deepnet.score.blocks import max_rows_per_frame, score_in_blocks
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import BATCH_ROWS, ScorePlan, score
from tests.data.frames import sparse, vectors
from tests.exchange.ranks import together

NAN = float("nan")
WIDE = (Dense(64, activation="relu").to_json(), Dense(64, activation="tanh").to_json(), Dense(3).to_json())
DEEP = (LSTM(32, sequences=True).to_json(), Dense(3).to_json())
RNG = np.random.default_rng(0)
ROWS_OF: Mapping[int, Any] = {
    1: lambda n: list(RNG.normal(size=(n, 5)).astype(np.float32)),
    2: lambda n: [RNG.normal(size=2 * (1 + i % 6)).astype(np.float32) for i in range(n)],
}


def plan_of(sequences: bool, invalid: str = "keep", width: int = 5) -> ScorePlan:
    entry = InputSpec((4, 2), steps=True) if sequences else InputSpec((width,))
    net = Architecture(DEEP if sequences else WIDE, (entry,), Loss.of("softmax_cross_entropy").to_json())
    head = net.heads()[0]
    source = Source(entry.shape, kind=STEPS) if sequences else Source(entry.shape)
    output = Output.of(head.loss, head.units, head.steps)
    weights = Layout(net.scores_net()).init_weights(1).tobytes()
    return ScorePlan(net, (output,), (source,), invalid, None, f"blocks {sequences}", weights)


def frames_of(plan: ScorePlan, counts: list[int]) -> list[pd.DataFrame]:
    rows = ROWS_OF[len(plan.sources[0].shape)]
    return [pd.DataFrame({plan.sources[0].columns[0]: pd.Series(rows(n), dtype=object)}) for n in counts]


def in_blocks(plan: ScorePlan, dealt: list[list[pd.DataFrame]]) -> list[Any]:
    whole, blocks = plan.architecture.scores_net(), len(dealt)

    def work(channel: Channel) -> list[pd.DataFrame]:
        net = cut(whole, channel.rank, blocks)
        weights = Layout(net).init_weights(1)
        return list(score_in_blocks(plan, net, weights, channel, iter(dealt[channel.rank])))

    return together("memory", blocks, work, deadline=20.0)


@pytest.mark.parametrize("sequences", [False, True], ids=["rows", "sequences"])
@pytest.mark.parametrize("counts", [[[7, 3], [5]], [[], [4], [1, 1, 60]]], ids=str)
def test_every_rank_gets_the_scores_of_its_rows(sequences: bool, counts: list[list[int]]) -> None:
    """However many frames each has, and none; with rows that cannot be scored among them."""
    plan = plan_of(sequences)
    dealt = [frames_of(plan, own) for own in counts]
    dealt[1][0].iloc[0, 0] = None
    found = list(chain(*in_blocks(plan, dealt)))
    expected = list(score(plan, chain(*dealt)))
    assert list(map(len, found)) == list(map(len, expected)) == list(chain(*counts))
    check_same(found, expected)


def check_same(found: list[pd.DataFrame], expected: list[pd.DataFrame]) -> None:
    for frame, other in zip(found, expected, strict=True):
        assert frame.valid.tolist() == other.valid.tolist()
        for name in ("raw", "probability", "prediction"):
            for a, b in zip(frame[name], other[name], strict=True):
                np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sequences", [False, True], ids=["rows", "sequences"])
def test_layer_by_layer_it_is_the_same(sequences: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over groups of rows that are not the frames', however often the weights are then asked for."""
    plan = plan_of(sequences)
    frames = frames_of(plan, [5, 3, 0, 9])
    frames[1].iloc[0, 0] = None
    views = Layout(plan.architecture.scores_net()).views(np.frombuffer(plan.weights, np.float32))
    asked: list[str] = []

    def weights(node: str) -> Any:
        asked.append(node)
        return views[node]

    expected = list(score(plan, frames))
    for values, times in ((1 << 20, 1), (4 * 64 * 3, 17 if sequences else 6)):
        asked.clear()
        monkeypatch.setattr(streamed, "MAX_VALUE_BYTES", values)
        found = list(streamed.score_streamed(plan, weights, iter(frames)))
        assert list(map(len, found)) == [5, 3, 0, 9]
        check_same(found, expected)
        assert set(asked) == set(views)
        assert len(asked) == times * len(views)
    assert list(streamed.score_streamed(plan, weights, iter([]))) == []


def test_wide_sparse_rows_become_dense_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as VALUES allows, whatever the layers' own widths."""
    width, counts, asked = 5000, [5, 3, 0, 9], []
    source, plan = Source((width,), kind=VECTOR), plan_of(False, width=width)
    plan = replace(plan, sources=(source,), digest="wide")
    frames = [vectors([sparse(RNG.random(width) * (RNG.random(width) < 0.01)) for _ in range(n)]) for n in counts]
    views = Layout(plan.architecture.scores_net()).views(np.frombuffer(plan.weights, np.float32))

    def weights(node: str) -> Any:
        asked.append(node)
        return views[node]

    monkeypatch.setattr(streamed, "MAX_VALUE_BYTES", 4 * width * 4)
    check_same(list(streamed.score_streamed(plan, weights, iter(frames))), list(score(plan, frames)))
    assert len(asked) == (2 + 3) * len(views)


def test_what_is_wrong_with_a_row_of_one_rank_is_told_by_all() -> None:
    plan = plan_of(False, "error")
    dealt = [frames_of(plan, [2]), frames_of(plan, [2])]
    dealt[1][0].iloc[0, 0] = np.full(5, NAN, np.float32)
    for error in in_blocks(plan, dealt):
        assert isinstance(error, DataError)
        assert "NaN" in str(error)


def test_a_turn_of_all_ranks_is_one_pass() -> None:
    plan = plan_of(False)
    assert [max_rows_per_frame(plan, blocks) for blocks in (1, 3, 256, 1000)] == [BATCH_ROWS, BATCH_ROWS // 3, 1, 1]


@pytest.mark.parametrize("sequences", [False, True], ids=["rows", "sequences"])
def test_a_turn_has_no_more_values_than_may_be(sequences: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the scores are the same: three rows at once, then one."""
    plan = plan_of(sequences)
    dealt = [frames_of(plan, [7, 3]), frames_of(plan, [5])]
    row = bisect_left(range(1 << 20), 2, key=lambda limit: values_allow(limit, plan, monkeypatch)) // 2
    expected = list(score(plan, chain(*dealt)))
    for limit, rows in ((3 * row, 3), (row, 1), (1, 1)):
        assert values_allow(limit, plan, monkeypatch) == rows
        check_same(list(chain(*in_blocks(plan, dealt))), expected)


def values_allow(limit: int, plan: ScorePlan, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(blocks, "MAX_VALUE_BYTES", limit)
    return blocks.at_once(plan)
