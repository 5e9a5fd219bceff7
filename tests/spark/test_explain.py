"""explainPlan: what it prints and returns, without a fit."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import ParamError
from spark_deepnet.forecast import probe
from spark_deepnet.forecast.explain import TAUS, WORKERS
from tests.spark.data import blobs, estimator, frame

BOTH = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(12)).cache()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MIN_SECONDS", 0.0)


@BOTH
def test_a_plan_is_printed_and_returned(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = estimator(batchSize=60, numTrainWorkers=2, solver="sgd").explainPlan(rows, latency=1e-3, bandwidth=1e6)
    assert capsys.readouterr().out == f"{found}\n"
    assert [(n.name, n.parameters, n.multiply_adds) for n in found.nodes if n.parameters] == [
        ("dense", 25, 20),
        ("dense_2", 18, 15),
    ]
    assert (found.workers, found.syncEvery, found.share, found.rowBytes) == (2, 1, 30, 4 * 4 + 4 + 8 + 1 + 16)
    size = found.memory.weights
    assert (found.memory.gradients, found.memory.vectors, found.memory.best) == (size, 0, 0)
    assert found.stepBytes == size + 64  # the gradients, and a line of measures
    assert found.exchangeSeconds == pytest.approx(1e-3 + found.stepBytes / 1e6)
    assert found.stepSeconds == pytest.approx(found.computeSeconds + found.exchangeSeconds)
    assert found.rowsPerSecond == pytest.approx(60 / found.stepSeconds)


@BOTH
def test_all_workers_and_steps_between_exchanges_have_their_speedup(rows: Any) -> None:
    found = estimator().explainPlan(rows)
    lines = str(found).splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["workers", "naive"])
    for workers, line in zip(WORKERS, lines[start + 1 :], strict=True):
        told = [f"{workers:,}", f"{found.costs.naive(workers):.1f}"]
        assert line.split() == [*told, *(f"{found.speedup(workers, tau):.1f}" for tau in TAUS)]
    assert found.speedup(1) == 1.0


def test_a_plan_takes_no_job_where_the_schema_tells_the_shape(rows: Any) -> None:
    tracker = rows.sparkSession.sparkContext.statusTracker()
    before = tracker.getJobIdsForGroup(None)
    estimator().explainPlan(rows)
    assert tracker.getJobIdsForGroup(None) == before


def test_steps_between_exchanges_are_as_set_or_as_found(rows: Any) -> None:
    alone = estimator(batchSize=60, numTrainWorkers=2, syncEvery=7).explainPlan(rows)
    assert (alone.syncEvery, alone.share) == (7, 60)
    assert alone.stepSeconds == pytest.approx(alone.computeSeconds + alone.exchangeSeconds / 7)
    auto = estimator(numTrainWorkers=2, syncEvery="auto")
    assert auto.explainPlan(rows, latency=1.0).syncEvery == 1000
    few = estimator(numTrainWorkers=2, syncEvery="auto", batchSize=5, maxIter=4)
    assert few.explainPlan(rows, latency=1.0, rows=100).syncEvery == 10, "a quarter of the fit's 40 steps"
    assert few.explainPlan(rows, latency=1.0, rows=100).candidates[0].syncEvery == 10, "so says the line that is taken"
    late = few.copy({few.syncEpochs: 2})
    assert late.explainPlan(rows, latency=1.0, rows=100).syncEvery == 5, "two of the four epochs are synchronous"
    unset = DeepNetEstimator(layers=[4, 5, 3], batchSize=32, numTrainWorkers=2, syncEvery="auto")
    assert unset.explainPlan(rows, latency=1.0, rows=1797).syncEvery == 261, "a quarter of 36 epochs of 29 steps"
    assert few.copy({few.maxSteps: 12}).explainPlan(rows, latency=1.0).syncEvery == 3
    wide = estimator(numTrainWorkers=2, syncEvery="auto", layers=[4, 256, 256, 3])  # half the rows take half the time
    assert wide.explainPlan(rows, latency=0.0, bandwidth=1e30).syncEvery == 1
    assert estimator(numTrainWorkers=1, syncEvery=7).explainPlan(rows).syncEvery == 1


def test_speed_is_limited_by_the_rows(rows: Any, spark: Any) -> None:
    few = estimator(batchSize=60).explainPlan(rows, latency=0.0, bandwidth=1e30, rows=12)
    assert few.costs.rows == 12
    assert few.costs.share(1024, 100) == 1
    assert few.speedup(1024, 100) < few.costs.compute.at(12) / few.costs.compute.at(1) * 1.01
    assert "12 training rows, of which no step has more" in str(few)
    assert estimator().explainPlan(rows.limit(7)).costs.rows == 7
    assert "give rows=..." in str(estimator().explainPlan(rows))
    with pytest.raises(ParamError, match="rows must be at least 1, found 0"):
        estimator().explainPlan(rows, rows=0)


def test_blocks_are_in_the_figures(rows: Any) -> None:
    layers = {"layers": [4, 70, 70, 3], "batchSize": 60, "numTrainWorkers": 4}
    whole, cut = (estimator(**layers, modelBlocks=m).explainPlan(rows) for m in (1, 2))
    assert (cut.workers, cut.replicas, cut.blocks, cut.share) == (4, 2, 2, 30)
    assert cut.memory.weights < whole.memory.weights
    assert cut.candidates == whole.candidates
    assert [(c.replicas, c.blocks) for c in cut.candidates] == [(4, 1), (2, 2), (1, 4)]
    taken = cut.candidates[1]
    assert (taken.memory, taken.stepBytes) == (cut.memory.total, cut.stepBytes)
    marked = [line.split() for line in str(cut).splitlines() if line.endswith("taken")]
    assert [line[:3] for line in marked] == [["2", "2", "1"]]
    assert estimator(modelBlocks="auto").explainPlan(rows).candidates == ()


def test_rounds_of_spark_jobs_are_told_to_be_left_out(rows: Any) -> None:
    found = estimator(exchange="spark", numTrainWorkers=9).explainPlan(rows)
    assert (found.rounds, found.workers) == (True, 9)
    assert "every round also takes a job's seconds" in str(found)


def test_a_network_that_cannot_be_is_refused(rows: Any) -> None:
    with pytest.raises(ParamError, match="bandwidth must be above 0, found 0"):
        estimator().explainPlan(rows, bandwidth=0)
