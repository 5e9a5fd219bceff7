"""Fits without sockets or barrier: rounds of ordinary Spark jobs."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import ClusterError, ParamError
from spark_deepnet.layers import Dense
from spark_deepnet.spark.fit import round_fit as spark_rounds
from spark_deepnet.spark.session.dialect import Connect
from spark_deepnet.spark.weights import files as weight_files
from tests.spark.data import blobs, distance, estimator, frame, same
from tests.spark.processes import workers

BOTH = pytest.mark.sessions("classic", "connect")
ELASTIC = pytest.mark.sessions("elastic")


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    """90 rows, a third of them for validation where a fit wants it."""
    x, y = blobs()
    return frame(spark, x, y, held=[i % 3 == 2 for i in range(len(y))]).cache()


@BOTH
@pytest.mark.parametrize("state", ["average", "reset"])
def test_rounds_equal_the_exchange_over_sockets(rows: Any, state: str) -> None:
    """The same partitions, the same steps between exchanges; with adam, whose vectors travel or start anew."""
    net = estimator(batchSize=10, maxIter=3, syncEvery=4, syncState=state, numTrainWorkers=2)
    sockets, rounds = net.copy({net.exchange: "sockets"}).fit(rows), net.copy({net.exchange: "spark"}).fit(rows)
    assert distance(rounds, sockets) < 1e-6
    assert rounds.summary.steps == sockets.summary.steps == 15
    for a, b in zip(rounds.summary.history, sockets.summary.history, strict=True):
        assert (a["loss"], a["accuracy"]) == pytest.approx((b["loss"], b["accuracy"]), rel=1e-6)
    assert rounds.summary.jobs == 1 + 4, "the rows are counted, and 15 steps are 4 rounds"


def test_so_they_do_with_momentum_between_averages(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept by the driver or by every rank; of a single worker too, whose mean is its own weights."""
    for count, params in (2, {"syncMomentum": 0.5}), (1, {"syncMomentum": 0.4, "syncRate": 0.5}):
        net = estimator(batchSize=10, maxIter=2, syncEvery=4, numTrainWorkers=count, **params)
        sockets, rounds = net.copy({net.exchange: "sockets"}).fit(rows), net.copy({net.exchange: "spark"}).fit(rows)
        assert distance(rounds, sockets) < 1e-6
        assert distance(net.copy({net.syncMomentum: 0.0, net.syncRate: 1.0}).fit(rows), sockets) > 1e-3
    monkeypatch.setattr(spark_rounds, "DRIVER_STATE", 0)
    assert same(net.copy({net.exchange: "spark"}).fit(rows), rounds)


def test_a_mean_by_shuffle_is_the_mean_on_the_driver(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net = estimator(exchange="spark", batchSize=10, maxIter=2, syncEvery=4, numTrainWorkers=3)
    on_driver = net.fit(rows)
    monkeypatch.setattr(spark_rounds, "DRIVER_STATE", 0)
    assert same(net.fit(rows), on_driver)


def test_so_they_do_with_validation_rows(rows: Any) -> None:
    net = estimator(batchSize=10, maxIter=4, syncEvery=2, numTrainWorkers=2, validationIndicatorCol="held", patience=1)
    sockets, rounds = net.copy({net.exchange: "sockets"}).fit(rows), net.copy({net.exchange: "spark"}).fit(rows)
    assert distance(rounds, sockets) < 1e-6
    assert rounds.summary.bestEpoch == sockets.summary.bestEpoch
    found, wanted = ([row["validationLoss"] for row in fit.summary.history] for fit in (rounds, sockets))
    assert found == pytest.approx(wanted, rel=1e-6)


def test_partitions_may_be_more_than_slots_and_empty(spark: Any) -> None:
    few = frame(spark, *blobs(6))
    fit = estimator(exchange="spark", syncEvery=3, numTrainWorkers=9, maxIter=4).fit(few)
    assert {row["rank"] for row in fit.summary.ranks} <= set(range(9))
    assert fit.summary.steps == 4


def test_a_number_of_steps_is_found_from_measured_seconds(rows: Any) -> None:
    fit = estimator(exchange="spark", batchSize=5, maxIter=4, numTrainWorkers=3).fit(rows)
    assert fit.summary.syncEvery == 6, "these steps take no time beside a job: as many as an epoch has"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"syncEvery": 1}, ("syncEvery", "found 1", "'auto'")),
        ({"syncEvery": 5, "syncEpochs": 2}, ("syncEpochs", "found 2")),
        ({"syncEvery": 5, "syncState": "keep"}, ("syncState", "m, v", "'average' or 'reset'")),
    ],
)
def test_what_rounds_cannot_do_is_said_before_any_job(rows: Any, params: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(ParamError) as error:
        estimator(exchange="spark", **params).fit(rows)
    assert all(word in str(error.value) for word in words)


@pytest.mark.sessions("connect")
def test_weights_too_large_for_connect_are_refused(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connect, "max_function_bytes", 100)
    with pytest.raises(ClusterError, match="over Spark Connect at most"):
        estimator(exchange="spark", syncEvery=5).fit(rows)
    weights = {"dense/W": np.zeros((4, 3)), "dense/b": np.zeros(3)}
    model = DeepNetModel.fromWeights([Dense(3)], (4,), weights)
    monkeypatch.setattr(Connect, "max_function_bytes", 50)
    monkeypatch.setattr(Connect, "put_file", lambda *_: False)
    monkeypatch.setattr(weight_files, "MIN_FILE_BYTES", 1)
    for does in (model.transform, model.evaluate, estimator(layers=[Dense(3)]).setInitialModel(model).fit):
        with pytest.raises(
            ClusterError, match=r"in one message, over Spark Connect at most 0 MiB, found .*; .* classic"
        ):
            does(rows)


@BOTH
def test_weights_in_a_file_score_as_those_in_a_function(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = estimator().fit(rows)
    expected = model.transform(rows).select("probability").collect()
    monkeypatch.setattr(weight_files, "MIN_FILE_BYTES", 1)
    assert model.transform(rows).select("probability").collect() == expected
    assert model.transform(rows).select("probability").collect() == expected


@ELASTIC
def test_rounds_are_taken_where_the_session_refuses_a_barrier(rows: Any, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING):
        fit = estimator(syncEvery=4, batchSize=10, numTrainWorkers=2).fit(rows)
    assert [r.getMessage() for r in caplog.records if r.name.startswith("spark_deepnet")] == [
        "fit: spark.dynamicAllocation.enabled is true, so weights are exchanged by Spark jobs, not sockets"
    ]
    assert fit.summary.steps == 15
    with pytest.raises(ClusterError, match="exchange to 'spark'"):
        estimator(exchange="sockets").fit(rows)


@ELASTIC
def test_a_task_killed_on_its_way_changes_nothing(spark: Any, rows: Any) -> None:
    """Seven partitions on two slots."""
    net = estimator(layers=[4, 200, 200, 3], syncEvery=40, batchSize=2, maxIter=14, numTrainWorkers=7)
    whole = net.fit(rows)
    done: list[Any] = []
    fit = threading.Thread(target=lambda: done.append(net.fit(rows)))
    fit.start()
    killed = 0
    for _ in range(3):  # Spark runs a task four times
        time.sleep(1.0)
        for pid in workers(spark)[-1:] if fit.is_alive() else []:
            os.kill(pid, signal.SIGKILL)
            killed += 1
    fit.join(400)
    assert killed
    assert same(done[0], whole)
