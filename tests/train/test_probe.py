"""The steps that are timed on the driver: what they are told to send against what ranks send, and their rows."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spark_deepnet.data.schema import BYTES, SPARSE_ENTRIES, STEPS, VECTOR, Columns, Source, Target
from spark_deepnet.exchange import all_reduce, cost
from spark_deepnet.exchange.algorithms.ring import Ring
from spark_deepnet.forecast import probe
from spark_deepnet.forecast.analytic import estimate
from spark_deepnet.forecast.cost import Costs, Link
from spark_deepnet.forecast.explain import forecast
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.bidirectional import Bidirectional
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.flatten import Flatten
from spark_deepnet.layers.lstm import LSTM
from spark_deepnet.layers.multi_head_attention import MultiHeadAttention
from spark_deepnet.layers.reshape import Reshape
from spark_deepnet.layers.softmax import Softmax
from spark_deepnet.net import cut
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.train.averaging import STATES
from spark_deepnet.train.messages import Measures
from tests.train.fits import CLASSES, N, Rows, messages_of, plan_of, run_ranks

ROWS = Rows.drawn()
NORMALISED = (Dense(6), BatchNorm(), Dense(CLASSES))
STEPS_AN_EPOCH = 6


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MIN_SECONDS", 0.0)


def costs_of(plan: Any) -> Costs:
    found = probe.probe(plan)
    return found.costs(plan.recipe.batch_size, Link())


def sent(size: int, blocks: int = 1, **recipe: Any) -> list[int]:
    """What each rank sends in one epoch of training: what a fit of two epochs sends more than one of one."""
    told = []
    for epochs in (1, 2):
        plan = replace(plan_of(epochs=epochs, **recipe), blocks=blocks)
        frames = run_ranks(plan, ROWS.dealt(*[N // size] * size))
        told.append([next(m.bytesSent for m in messages_of(f) if isinstance(m, Measures)) for f in frames])
    return [two - one for one, two in zip(*told, strict=True)]


def of_weights(size: int, steps: int = STEPS_AN_EPOCH) -> float:
    """The rows' weights in an epoch's steps are summed once."""
    return all_reduce.cost((1,) * size, 8 * steps)[1]


BLOCKS: dict[str, tuple[Any, ...]] = {
    "dense": (Dense(6, "tanh"), Dense(8), Dense(CLASSES)),
    "scores that stay cut": (Dense(4, "tanh"), Dense(12)),
    "attention": (Reshape((2, 2)), MultiHeadAttention(2), Flatten(), Dense(CLASSES)),
    "recurrent": (Reshape((4, 1)), Bidirectional(LSTM(4, truncate=3)), Dense(6), Softmax(), Dense(CLASSES)),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize(("replicas", "blocks", "clip"), [(1, 2, 0.0), (2, 2, 1.0), (1, 4, 1.0)])
@pytest.mark.parametrize("tau", [1, 3])
def test_blocks_send_what_is_predicted(
    monkeypatch: pytest.MonkeyPatch, name: str, replicas: int, blocks: int, clip: float, tau: int
) -> None:
    """Where four blocks share an odd number, some send a little less."""
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    told = {"layers": BLOCKS[name], "batch_size": N // 6, "sync_every": tau, "clip_norm": clip, "optimizer": "adam"}
    rounds = 6 if tau == 1 else 6 // replicas
    costs = costs_of(replace(plan_of(**told), blocks=blocks))
    lost = 8  # at the end of the epoch blocks ask each other whether all weights are finite
    predicted = rounds * costs.exchanged(replicas, tau)[1] + of_weights(replicas, rounds) + lost
    found = sent(replicas * blocks, blocks, **told)
    assert max(found) == pytest.approx(predicted, rel=0.1 if blocks == 4 else 1e-9)
    assert costs.exchanged(replicas, tau) == estimate(plan_of(**told).recipe, blocks, Link()).exchanged(replicas, tau)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("layers", [(), NORMALISED], ids=["plain", "normalised"])
def test_ranks_that_step_together_send_what_is_predicted(size: int, layers: Any) -> None:
    told = {"layers": layers, "batch_size": N // STEPS_AN_EPOCH}
    predicted = STEPS_AN_EPOCH * costs_of(plan_of(**told)).exchanged(size, 1)[1] + of_weights(size)
    assert sent(size, **told) == [predicted] * size


def test_around_a_ring_they_do_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "STEP_BYTES", 16)  # so that short vectors take it
    told = {"batch_size": N // STEPS_AN_EPOCH}
    costs = costs_of(plan_of(**told))
    assert costs.exchanged(4, 1) == Ring().cost((1,) * 4, sum(costs.synchronous))
    assert sent(4, **told) == [STEPS_AN_EPOCH * costs.exchanged(4, 1)[1] + of_weights(4)] * 4


def test_where_some_ranks_are_folded_none_sends_more() -> None:
    told = {"batch_size": N // STEPS_AN_EPOCH}
    predicted = STEPS_AN_EPOCH * costs_of(plan_of(**told)).exchanged(3, 1)[1] + of_weights(3)
    assert predicted / 2 < max(sent(3, **told)) <= predicted


@pytest.mark.parametrize("sync_state", STATES)
@pytest.mark.parametrize(("size", "batch", "tau"), [(2, 5, 3), (2, 5, 2), (4, 3, 5)])
def test_replicas_that_step_alone_send_what_is_predicted(size: int, batch: int, tau: int, sync_state: str) -> None:
    told = {"batch_size": batch, "optimizer": "adam", "sync_every": tau, "sync_state": sync_state, "layers": NORMALISED}
    steps = N // (size * batch)
    predicted = steps // tau * costs_of(plan_of(**told)).exchanged(size, tau)[1] + of_weights(size, steps)
    assert sent(size, **told) == [predicted] * size


@pytest.mark.parametrize(
    ("batch", "rows"), [(1, (1,)), (4, (1, 4)), (40, (1, 4, 16, 40)), (5000, (1, 4, 16, 64, 256, 1024))]
)
def test_steps_are_timed_up_to_the_batch(batch: int, rows: tuple[int, ...]) -> None:
    found = probe.probe(plan_of(batch_size=batch)).compute
    assert found.rows == rows
    assert len(found.seconds) == len(rows)
    assert min(found.seconds) > 0


def run_steps_of_a_second(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Each timed step takes a second, of which its thread has a core for this share."""
    made = [0]
    step = probe._Probing._step

    def counted(self: Any, index: np.ndarray) -> None:
        made[0] += 1
        step(self, index)

    clocks = SimpleNamespace(perf_counter=lambda: float(made[0]), thread_time=lambda: share * made[0])
    monkeypatch.setattr(probe._Probing, "_step", counted)
    monkeypatch.setattr(probe, "time", clocks)


@pytest.mark.parametrize("threads", [1, 2])
def test_on_a_busy_machine_one_thread_is_timed_by_its_core_and_the_plan_says_so(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    run_steps_of_a_second(monkeypatch, 0.6)
    plan = replace(plan_of(batch_size=4), threads=threads)
    found = probe.probe(plan)
    assert found.core_share == pytest.approx(0.6)
    assert found.compute.seconds == pytest.approx([0.6 if threads == 1 else 1.0] * 2)
    assert "the timed steps had 60% of a core" in str(forecast(plan, Link()))


def test_on_a_quiet_machine_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run_steps_of_a_second(monkeypatch, 1.0)
    plan = forecast(plan_of(batch_size=4), Link())
    assert plan.coreShare == pytest.approx(1.0, abs=0.05)
    assert "of a core" not in str(plan)


def test_where_steps_take_long_two_numbers_of_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_SECONDS", 0.0)
    assert probe.probe(plan_of(batch_size=1000)).compute.rows == (1, 4)


def test_drawn_rows_are_such_as_the_columns_may_bring() -> None:
    image, words = Source((8, 8), "image", kind=BYTES), Source((5,), "words", kind=STEPS, tokens=7)
    table = probe.drawn(Columns((image, words, Source((3,))), (Target("y", classes=4),)), 200, 1)
    pixels, tokens, numbers = (table.features[name] for name in ("image", "words", "features"))
    assert (pixels.matrix.dtype, pixels.matrix.min(), pixels.matrix.max()) == (np.uint8, 0, 255)
    assert set(np.unique(tokens.values)) == set(range(7))
    assert tokens.lengths.tolist() == [5] * 200
    assert 0 <= numbers.matrix.min() < 0.1 < 0.9 < numbers.matrix.max() < 1
    assert set(table.targets[0].tolist()) == {0, 1, 2, 3}
    wide = probe.drawn(Columns((Source((9000,), kind=VECTOR),), (Target("y", classes=4),)), 20, 1).features["features"]
    assert (len(wide), wide.width, len(wide.values)) == (20, 9000, 20 * SPARSE_ENTRIES)
    assert 0 <= wide.columns.min() < 500 < 8500 < wide.columns.max() < 9000
    several = probe.drawn(Columns((Source((3,)),), (Target("y", labels=2, indicators=True),)), 50, 1)
    assert several.targets[0].shape == (50, 2)
    assert 0 <= several.targets[0].min() < several.targets[0].max() <= 1


def test_wide_vectors_are_timed_as_sparse_rows_whose_weights_are_not_all_sent() -> None:
    width, units = 1 << 13, 4
    told = {"sources": (Source((width,), kind=VECTOR),), "classes": 2}
    plan = plan_of((Dense(units), Dense(2)), columns=told, entries=(InputSpec((width,)),), batch_size=16)
    found = probe.probe(plan)
    rest, rows = found.synchronous
    assert rest < 1000
    assert 0.9 < rows / (16 * SPARSE_ENTRIES * 4 * (units + 1)) <= 1  # a column may recur within a row
    assert sum(found.local) > 4 * width * units
