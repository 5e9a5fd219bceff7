"""Fits on sparse rows: the same as on dense ones, by steps, exchange and memory of the rows seen."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.data import table
from spark_deepnet.data.dataset import InMemoryDataset
from spark_deepnet.data.schema import VECTOR, Source
from spark_deepnet.data.table import Sparse, Table
from spark_deepnet.exchange import rows as exchange
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.compressions.fp16 import FP16
from spark_deepnet.exchange.memory import memory_channels
from spark_deepnet.kernels.jit import JIT
from spark_deepnet.layers._csr import Csr
from spark_deepnet.layers.dense import Dense
from spark_deepnet.net import cut
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train.measure import Meter
from spark_deepnet.train.seen import SeenRows
from spark_deepnet.train.state import State
from spark_deepnet.train.step import Stepper
from tests.data import frames
from tests.train.fits import Fit, fit, plan_of

N, WIDTH, CLASSES = 60, 96, 3
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "adagrad": {"optimizer": "adagrad", "learning_rate": 0.1},
    "momentum": {"optimizer": "momentum", "learning_rate": 0.1},
    "adam": {"optimizer": {"kind": "adam", "epsilon": 1e-3}, "learning_rate": 0.02},
    "lamb": {"optimizer": {"kind": "lamb", "epsilon": 1e-3}, "learning_rate": 0.02},
    "decay and clipping": {"l1": 0.01, "l2": 0.05, "clip_norm": 0.2, "learning_rate": 0.01},
    "clipped values and norms": {"clip_value": 0.01, "clip_norm": 0.05},
    "overlap": {"overlap": True},
    "compression": {"compression": FP16(), "overlap": True},
    "row weights and validation": {"weighted": True, "validated": True},
    "steps alone": {"sync_every": 2},
}
DEALS = [(N,), (30, 30), (0, 40, 20)]
each_deal = pytest.mark.parametrize("deal", DEALS, ids=str)


class SparseRows:
    """Rows of 0 to 5 entries, with classes that these tell, mostly."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.x = np.zeros((N, WIDTH), np.float32)
        for row, count in zip(self.x, rng.integers(0, 6, N), strict=True):
            row[(WIDTH * rng.random(count) ** 2).astype(int)] = rng.normal(size=count)
        told = rng.normal(size=(WIDTH, CLASSES))
        self.y = (self.x @ told + rng.gumbel(size=(N, CLASSES)) / 4).argmax(1).astype(np.float64)
        self.weights = rng.integers(0, 4, N).astype(np.float32)

    def dealt(self, *shares: int, dense: int | None = None) -> list[list[pd.DataFrame]]:
        """The frames of each rank; dense: whose rows are dense vectors, of the same numbers."""
        parts = np.split(np.random.default_rng(0).permutation(N), np.cumsum(shares)[:-1])
        kinds = [frames.dense if rank == dense else frames.sparse for rank in range(len(shares))]
        return [[self.frame(part, kind)] for part, kind in zip(parts, kinds, strict=True)]

    def frame(self, index: np.ndarray, kind: Callable[[Any], Any]) -> pd.DataFrame:
        columns = {"label": self.y[index], "weight": self.weights[index], "validation": index % 4 == 3}
        return frames.vectors([kind(row) for row in self.x[index]], **columns)


ROWS = SparseRows()


def sparse_plan(**recipe: Any) -> TrainPlan:
    columns = {"sources": (Source((WIDTH,), kind=VECTOR),), "classes": CLASSES}
    told: dict[str, Any] = {"layers": (Dense(5, "tanh"), Dense(CLASSES)), "epochs": 4, "batch_size": 20}
    return plan_of(columns=columns, entries=(InputSpec((WIDTH,)),), **told | recipe)


def same(found: Fit, wanted: Fit) -> None:
    np.testing.assert_allclose(found.weights, wanted.weights, rtol=1e-4, atol=1e-5)
    for a, b in zip(found.history, wanted.history, strict=True):
        for key in a.keys() - {"seconds", "rowsPerSecond"}:
            assert a[key] == pytest.approx(b[key], rel=1e-4), key


def watched(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """Into what sparse rows are put from now on, batch by batch."""
    found, take = [], Sparse.take

    def watching(self: Sparse, index: np.ndarray, out: Any) -> None:
        found.append(type(out))
        take(self, index, out)

    monkeypatch.setattr(Sparse, "take", watching)
    return found


def densified(monkeypatch: pytest.MonkeyPatch, plan: TrainPlan, dealt: list[list[pd.DataFrame]]) -> Fit:
    """The same fit where all rows are dense in a batch."""
    with monkeypatch.context() as patched:
        patched.setattr(table, "THIN_FACTOR", 10**9)
        return fit(plan, dealt)


@each_deal
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("go", [True, False], ids=["rows go", "all go"])
def test_a_fit_is_that_on_dense_rows(
    name: str, deal: tuple[int, ...], go: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "max_rows", lambda *_: 10**6 if go else 0)
    plan, takes = sparse_plan(**RECIPES[name]), watched(monkeypatch)
    found = fit(plan, ROWS.dealt(*deal))
    assert set(takes) == {Csr}
    same(found, densified(monkeypatch, plan, ROWS.dealt(*deal)))


@pytest.mark.parametrize("name", ["sgd", "momentum", "clipped values and norms"])
def test_ranks_with_dense_and_with_sparse_rows_train_together(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "max_rows", lambda *_: 10**6)
    plan = sparse_plan(**RECIPES[name])
    found = fit(plan, ROWS.dealt(20, 25, 15, dense=1))
    same(found, densified(monkeypatch, plan, ROWS.dealt(20, 25, 15, dense=1)))


@pytest.mark.parametrize("name", ["sgd", "adam", "clipped values and norms", "decay and clipping"])
@pytest.mark.parametrize("blocks", [2, 4])
def test_blocks_of_weights_are_those_of_the_whole(name: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "MIN_WEIGHTS", 0)
    monkeypatch.setattr(exchange, "max_rows", lambda *_: 10**6)
    plan, deal = sparse_plan(batch_size=1000, **RECIPES[name]), (20, 10, 0, 30)
    same(fit(replace(plan, blocks=blocks), ROWS.dealt(*deal)), densified(monkeypatch, plan, ROWS.dealt(*deal)))


def test_spilled_rows_stay_sparse_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "max_rows", lambda *_: 10**6)
    plan, takes = sparse_plan(batch_size=1000, validated=True), watched(monkeypatch)
    same(fit(replace(plan, row_memory=1500), ROWS.dealt(30, 30)), fit(plan, ROWS.dealt(30, 30)))
    assert set(takes) == {Csr}


@pytest.mark.parametrize("optimizer", ["sgd", {"kind": "adam", "lazy": True}], ids=str)
def test_cut_into_jobs_the_bits_are_the_same(optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "max_rows", lambda *_: 10**6)
    plan, dealt = sparse_plan(optimizer=optimizer, validated=True), ROWS.dealt(30, 30)
    whole, jobs = fit(plan, dealt), fit(replace(plan, job_seconds=0.0), dealt)
    assert jobs.jobs > 3
    np.testing.assert_array_equal(jobs.weights, whole.weights)


def test_few_bytes_go_where_rows_do() -> None:
    """2 ranks, 5,000 x 16 weights: an exchange sends the rows of its 40 entries, not 320 KB."""
    width = 5_000
    rng = np.random.default_rng(1)
    rows = [(0, width, np.sort(rng.choice(width, 2, False)).astype(np.int32), np.ones(2)) for _ in range(40)]
    dealt = [[frames.vectors(rows[:20], label=np.zeros(20))], [frames.vectors(rows[20:], label=np.ones(20))]]
    columns = {"sources": (Source((width,), kind=VECTOR),), "classes": 2}
    plan = plan_of((Dense(16), Dense(2)), columns=columns, entries=(InputSpec((width,)),), epochs=2, batch_size=40)
    sent = [m["bytesSent"] for m in fit(plan, dealt).measures]
    assert max(sent) < 2 * 40 * 4 * 17 + 2000 < 4 * width * 16 / 20


class Alone:
    """One rank's steps over rows of a wide table."""

    def __init__(self, width: int, units: int, optimizer: Any, n: int = 400, entries: int = 8) -> None:
        rng = np.random.default_rng(2)
        columns = rng.integers(0, width, n * entries).astype(np.int32)
        features = Sparse(np.arange(0, n * entries + 1, entries), columns, np.ones(n * entries, np.float32), width)
        labels = rng.integers(0, 2, n).astype(np.int32)
        self.table = Table({INPUT: features}, (labels,), np.ones(n, np.float32), np.zeros(n, bool))
        told = {"sources": (Source((width,), kind=VECTOR),), "classes": 2}
        plan = plan_of((Dense(units), Dense(2)), columns=told, entries=(InputSpec((width,)),), optimizer=optimizer)
        self.layout = Layout(plan.recipe.scores_net())
        self.state = State.initial(self.layout, plan.recipe.optimizer, 1, False)
        (single_rank,) = memory_channels(1, 1.0)
        sums = AllReduce(single_rank), AllReduce(single_rank, np.float64)
        self.stepper = Stepper(plan.recipe, self.state, 20, *sums, Meter(), rows=single_rank)
        self.keys = self.table.keys()

    def step(self, i: int) -> None:
        self.stepper.step(self.table, self.keys, np.arange(20 * i, 20 * i + 20), np.full(1, 1 / 20), 0.1, False)


@pytest.mark.skipif(not JIT, reason="plain Python allocates where kernels do not")
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
def test_no_batch_is_made_dense(optimizer: str) -> None:
    """20 rows of 200,000 numbers would take 16 MB."""
    alone = Alone(200_000, 2, optimizer)
    alone.step(0)
    alone.stepper.evaluate(InMemoryDataset.all_of(alone.table))
    assert INPUT not in alone.stepper.runner.buffers.values
    tracemalloc.start()
    for i in range(1, 6):
        alone.step(i)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 10


def test_who_knows_no_other_ranks_makes_the_same_steps() -> None:
    alone, told = Alone(3000, 4, "adagrad"), Alone(3000, 4, "adagrad")
    told.stepper.rows = SeenRows(told.stepper.recipe, told.stepper.runner, None)
    for i in range(4):
        alone.step(i)
        told.step(i)
        assert [seen.apart for own in (alone, told) for seen in own.stepper.rows.seen] == [True, False]
    np.testing.assert_allclose(told.state.weights, alone.state.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not JIT, reason="plain Python takes its time")
@pytest.mark.parametrize("optimizer", ["sgd", {"kind": "adam", "lazy": True}], ids=str)
def test_a_step_takes_no_longer_where_weights_are_many(optimizer: Any) -> None:
    """600 times as many: were all touched, a step would take several ms more."""

    def seconds(width: int) -> float:
        alone, found = Alone(width, 16, optimizer), []
        for i in range(20):
            start = time.perf_counter()
            alone.step(i)
            found.append(time.perf_counter() - start)
        return min(found[5:])

    assert seconds(300_000) < 5 * seconds(500) + 1e-3


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", {"kind": "adam", "lazy": True}], ids=str)
def test_rows_that_no_step_sees_stay_bit_for_bit(optimizer: Any) -> None:
    alone = Alone(3000, 4, optimizer)
    flats = [alone.state.weights, *alone.state.vectors]
    before = [flat.copy() for flat in flats]
    features = alone.table.features[INPUT]
    assert isinstance(features, Sparse)
    for i in range(5):
        alone.step(i)
    seen = np.zeros(3000, bool)
    seen[features.columns[: 100 * 8]] = True
    (slot,) = [s for s in alone.layout.slots if s.name == "dense/W"]
    for old, new in zip(before, flats, strict=True):
        changed = (slot.view(old) != slot.view(new)).any(1)
        np.testing.assert_array_equal(changed, seen)


def test_lazy_adam_is_pytorchs_for_sparse_gradients() -> None:
    torch = pytest.importorskip("torch", reason="torch is absent: pip install torch to compare with it")
    tiny = 1e-12  # PyTorch's epsilon is not in proportion to the corrections, as Adam's is
    alone = Alone(3000, 4, {"kind": "adam", "lazy": True, "epsilon": tiny})
    weights = torch.tensor(alone.layout.named(alone.state.weights)["dense/W"].copy(), requires_grad=True)
    optimizer = torch.optim.SparseAdam([weights], lr=0.1, eps=tiny)
    for i in range(4):
        alone.step(i)
        (seen,) = alone.stepper.rows.seen
        index, gradients = torch.tensor(seen.index.copy())[None], torch.tensor(seen.values.copy())
        weights.grad = torch.sparse_coo_tensor(index, gradients, weights.shape, check_invariants=True)
        optimizer.step()
    found = alone.layout.named(alone.state.weights)["dense/W"]
    np.testing.assert_allclose(found, weights.detach().numpy(), rtol=1e-5, atol=1e-5)
