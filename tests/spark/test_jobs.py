"""Fits as jobs: over any number of ranks, in any number of jobs, whatever order the rows come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_deepnet.errors import ClusterError
from spark_deepnet.spark.fit import barrier_fit
from tests.spark.data import blobs, distance, estimator, frame, same

ALL = pytest.mark.sessions("classic", "cluster", "connect")


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    """90 rows, a third of them for validation where a fit wants it."""
    x, y = blobs()
    return frame(spark, x, y, held=[i % 3 == 2 for i in range(len(y))]).cache()


@ALL
def test_as_many_ranks_as_are_wanted_learn_the_same(spark: Any, rows: Any, kind: str) -> None:
    """Some of the ranks have no row of the three of the second frame."""
    few = frame(spark, *blobs(3))
    for df in rows, few:
        fits = [
            estimator(solver="momentum", maxIter=20, numTrainWorkers=ranks).fit(df)
            for ranks in ((1, 2, 4) if kind == "classic" else (1, 2))
        ]
        assert [len(fit.summary.ranks) for fit in fits] == [1, 2, 4][: len(fits)]
        assert fits[0].summary.steps == 20
        for fit in fits[1:]:
            assert distance(fit, fits[0]) < 1e-5


@ALL
def test_the_same_rows_in_another_order_give_the_same_weights(rows: Any) -> None:
    net = estimator(batchSize=16, numTrainWorkers=2)
    first = net.fit(rows)
    assert same(net.fit(rows.orderBy(F.rand(1)).repartition(5)), first)
    assert not same(net.copy({net.seed: 1}).fit(rows), first)


def test_a_fit_in_many_jobs_equals_one_in_one(rows: Any) -> None:
    check_cut(rows)


@ALL
def test_so_it_does_with_validation_rows(rows: Any) -> None:
    check_cut(rows, validationIndicatorCol="held")


def test_a_job_refused_for_want_of_slots_is_tried_until_executors_may_have_come(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals, collected = [1, 2, 3], barrier_fit.Jobs._collected

    def refused(self: barrier_fit.Jobs, results: Any) -> Any:
        if refusals:
            refusals.pop()
            raise RuntimeError("[SPARK-24819]: Barrier execution mode does not allow run a barrier stage that requires")
        return collected(self, results)

    monkeypatch.setattr(barrier_fit.Jobs, "_collected", refused)
    monkeypatch.setattr(barrier_fit, "RETRY_SECONDS", 0.01)
    net = estimator(maxIter=1, numTrainWorkers=2)
    assert len(net.fit(rows).summary.ranks) == 2
    assert not refusals
    refusals.append(1)
    monkeypatch.setattr(barrier_fit, "REGISTRATION_SECONDS", 0.0)
    with pytest.raises(ClusterError, match="numTrainWorkers is more than the slots"):
        net.fit(rows)


def check_cut(rows: Any, **validation: str) -> None:
    net = estimator(batchSize=45, maxIter=2, numTrainWorkers=2, **validation)
    whole = net.fit(rows)
    parts = net.copy({net.jobSeconds: 0.0}).fit(rows)
    assert (whole.summary.jobs, parts.summary.jobs) == (1, 4)
    assert same(whole, parts)
    _check_alike(whole.summary, parts.summary)


@pytest.mark.sessions("classic", "connect")
def test_a_large_state_travels_through_the_folder(rows: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = estimator(batchSize=45, maxIter=1, jobSeconds=0.0, numTrainWorkers=2)
    small = net.fit(rows)
    monkeypatch.setattr(barrier_fit, "DRIVER_STATE", 0)
    large = net.copy({net.checkpointDir: str(tmp_path)}).fit(rows)
    assert small.summary.jobs == large.summary.jobs == 2
    assert same(small, large)
    _check_alike(small.summary, large.summary)
    assert list(tmp_path.iterdir()) == []
    nowhere = net.fit(rows)
    assert nowhere.summary.jobs == 1
    assert same(nowhere, small)


def _check_alike(a: Any, b: Any) -> None:
    for row, other in zip(a.history, b.history, strict=True):
        for name in row.keys() - {"seconds", "rowsPerSecond"}:
            assert row[name] == other[name]
    assert (a.steps, a.bestEpoch) == (b.steps, b.bestEpoch)
