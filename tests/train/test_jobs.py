"""Fits cut into jobs: what comes home from each, and that the cuts leave no trace in the weights."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from spark_deepnet.errors import DataError, ExchangeError, LostPeerError, TrainingError
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.dropout import Dropout
from spark_deepnet.net import chunks
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train import rank
from spark_deepnet.train.messages import SCHEMA, Error, Measures, StateChunk, WeightsChunk
from tests.exchange.ranks import HERE
from tests.train.fits import CLASSES, N, Rows, fit, messages_of, plan_of, run_ranks

ROWS = Rows.drawn()
DROPPED = (Dense(6, activation="tanh"), Dropout(0.3), Dense(CLASSES))
RECIPES: dict[str, dict[str, Any]] = {
    "a step an epoch": {},
    "steps within an epoch": {"batch_size": 16},
    "momentum": {"batch_size": 25, "optimizer": "momentum", "schedule": "cosine"},
    "adam and dropout": {"batch_size": 25, "optimizer": "adam", "learning_rate": 0.02, "layers": DROPPED},
    "validation": {"batch_size": 16, "validated": True, "weighted": True},
    "early stopping": {"batch_size": 16, "validated": True, "learning_rate": 4.0, "patience": 2, "epochs": 12},
}
MEASURED = {"seconds", "rowsPerSecond"}


def same_history(a: list[dict[str, float]], b: list[dict[str, float]]) -> None:
    assert [{k: v for k, v in row.items() if k not in MEASURED} for row in a] == [
        {k: v for k, v in row.items() if k not in MEASURED} for row in b
    ]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("deal", [(N,), (35, 0, 25)], ids=str)
def test_a_fit_cut_after_every_step_equals_the_uncut_one(name: str, deal: tuple[int, ...]) -> None:
    plan = plan_of(**{"epochs": 3} | RECIPES[name])
    dealt = ROWS.dealt(*deal)
    whole, cut = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert whole.jobs == 1
    assert cut.jobs == cut.clock["count"] == whole.clock["count"]
    np.testing.assert_array_equal(cut.weights, whole.weights)
    same_history(cut.history, whole.history)
    assert {k: v for k, v in cut.clock.items() if k != "history"} == {
        k: v for k, v in whole.clock.items() if k != "history"
    }


@pytest.mark.parametrize(
    ("recipe", "jobs"),
    [({"batch_size": 16}, 3), ({"batch_size": 16, "sync_every": 3}, 3), ({"batch_size": 16, "sync_every": 13}, 1)],
    ids=["together", "a round over the end of an epoch", "a round of six epochs"],
)
def test_a_job_ends_at_the_first_exchange_after_so_many_epochs(recipe: Any, jobs: int) -> None:
    plan, dealt = plan_of(epochs=5, optimizer="momentum", sync_state="keep", **recipe), ROWS.dealt(35, 25)
    whole, cut = fit(plan, dealt), fit(replace(plan, checkpoint_every=2), dealt)
    assert (whole.jobs, cut.jobs) == (1, jobs)
    np.testing.assert_array_equal(cut.weights, whole.weights)
    same_history(cut.history, whole.history)


def test_state_in_many_chunks_comes_home_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 100)
    plan = plan_of(optimizer="adam", batch_size=30, epochs=2, validated=True)
    dealt = ROWS.dealt(30, 30)
    cut = fit(replace(plan, job_seconds=0.0), dealt)
    np.testing.assert_array_equal(cut.weights, fit(plan, dealt).weights)


def unfinished(plan: TrainPlan) -> Any:
    return run_ranks(replace(plan, job_seconds=0.0), ROWS.dealt(40, 20))


def test_what_ranks_yield_fits_the_schema() -> None:
    kinds = {"string": pa.string(), "int": pa.int32(), "binary": pa.binary(), "array<int>": pa.list_(pa.int32())}
    kinds["double"] = pa.float64()
    schema = pa.schema([(name, kinds[kind]) for name, kind in (field.split() for field in SCHEMA.split(", "))])
    for frames in (run_ranks(plan_of(), ROWS.dealt(40, 20)), unfinished(plan_of(batch_size=16))):
        for frame in frames:
            assert set(frame.columns) == set(schema.names)
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            assert table.num_rows == len(frame)


def test_rank_0_hands_back_weights_or_state_and_every_rank_its_measures() -> None:
    first, second = run_ranks(plan_of(), ROWS.dealt(40, 20))
    assert first.kind.tolist() == [Measures.kind, StateChunk.kind, *[WeightsChunk.kind] * 4]  # two layers of W and b
    assert second.kind.tolist() == [Measures.kind]
    assert second["rank"].tolist() == [1]
    first, second = unfinished(plan_of(batch_size=16, optimizer="adam"))
    assert first.kind.tolist() == [Measures.kind] + [StateChunk.kind] * 4
    assert first.part.tolist()[1:] == [0, 1, 2, 3]
    assert second.kind.tolist() == [Measures.kind]


def test_measures_tell_rows_bytes_and_where_the_seconds_went() -> None:
    frames = run_ranks(plan_of(validated=True), ROWS.dealt(40, 20))
    found = [m.summary(1) for frame in frames for m in messages_of(frame) if isinstance(m, Measures)]
    for measures in found:
        assert (measures["rows"], measures["validationRows"]) == (45, 15)
        assert measures["fingerprint"] == found[0]["fingerprint"]
        assert measures["bytesSent"] > 0
        parts = {name: s for name, s in measures["seconds"].items() if name != "total"}
        assert set(parts) == {"reading", "meeting", "compiling", "computing", "exchanging", "waiting"}
        assert all(s >= 0 for s in parts.values())
        assert sum(parts.values()) <= measures["seconds"]["total"] * 1.01


@pytest.mark.parametrize("seconds", [float("inf"), 1e6])
def test_a_job_with_time_enough_is_the_whole_fit(seconds: float) -> None:
    assert fit(replace(plan_of(), job_seconds=seconds), ROWS.dealt(N)).jobs == 1


def test_a_missing_chunk_of_state_ends_the_job_on_every_rank() -> None:
    plan = replace(plan_of(), state_chunks=3)
    with pytest.raises(ExchangeError, match="state: 3 chunks were sent, 0 came"):
        run_ranks(plan, ROWS.dealt(40, 20))


def said(plan: TrainPlan, rows: Rows, *deal: int) -> list[tuple[str, str]]:
    """The error that each rank sends home: its class and sentence, the only row it yields."""
    found = []
    for number, frame in enumerate(run_ranks(plan, rows.dealt(*deal))):
        assert (frame.kind.tolist(), frame["rank"].tolist()) == ([Error.kind], [number])
        (error,) = messages_of(frame)
        assert isinstance(error, Error)
        found.append((error.error, error.message))
    return found


@pytest.mark.parametrize("deal", [(N,), (30, 0, 30)], ids=str)
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "squared"])
def test_a_loss_that_leaves_the_finite_numbers_ends_the_fit_in_a_sentence(deal: tuple[int, ...], loss: str) -> None:
    columns = {"labels": CLASSES, "classes": 0} if loss == "squared" else {}
    plan = plan_of(loss=loss, learning_rate=1e39, batch_size=16, columns=columns)
    rows = ROWS
    if loss == "squared":
        rows = replace(ROWS, y=np.array([*np.eye(CLASSES, dtype=np.float32)[ROWS.y.astype(int)], None], object)[:-1])
    found = said(plan, rows, *deal)
    assert set(found) == {
        (
            TrainingError.__name__,
            "fit: the loss became NaN or infinite in epoch 1, step 2, at a learning rate of 1e+39; lower learningRate, "
            "set clipNorm, or scale the features",
        )
    }


def test_weights_that_the_last_step_lost_are_not_handed_back() -> None:
    (told,) = set(said(plan_of(learning_rate=1e39, epochs=1), ROWS, 40, 20))
    assert told == (
        TrainingError.__name__,
        "fit: the weights became NaN or infinite in epoch 1, at a learning rate of 1e+39; lower learningRate, set "
        "clipNorm, or scale the features",
    )


def test_bad_rows_of_all_ranks_are_told_in_one_sentence_on_every_rank() -> None:
    y = ROWS.y.copy()
    y[:7] = 9
    x = ROWS.x.copy()
    x[10:13, 2] = np.nan
    (told,) = set(said(plan_of(), replace(ROWS, y=y, x=x), 10, 20, 30))
    assert told[0] == DataError.__name__
    assert "unknown labels such as 9; the network's 3 outputs need whole numbers from 0 to 2 (7 found)" in told[1]
    assert "column 'f': NaN or infinite values; fill or drop them first (3 found)" in told[1]


def test_a_rank_that_nobody_meets_ends_at_the_deadline() -> None:
    over = threading.Event()

    def all_gather(text: str) -> list[str]:
        over.wait(20)
        return [text, text]

    plan = replace(plan_of(), workers=2, deadline=0.2)
    try:
        with pytest.raises(ExchangeError, match=r"rank 0 at 127.0.0.1 waited 0.2 s to meet 1 others; is one frozen"):
            list(rank.run(plan, iter([ROWS.frame()]), rank.RankContext(0, 2, HERE, all_gather)))
    finally:
        over.set()


def test_who_has_lost_a_peer_lets_the_cause_be_heard_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def job(*_: Any) -> Any:
        raise LostPeerError("rank 0: rank 1 closed the connection")

    monkeypatch.setattr(rank, "LOST_PEER_DELAY_SECONDS", 0.2)
    monkeypatch.setattr(rank, "_job", job)
    began = time.monotonic()
    with pytest.raises(LostPeerError):
        list(rank.run(plan_of(), iter(()), rank.RankContext(0, 1, HERE, list)))
    assert time.monotonic() - began > 0.19
