"""A rank computes on the cores that Spark gives its task, and comes to the same weights, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark import TaskContext

from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D, Reshape
from spark_deepnet.spark.session import cluster
from spark_deepnet.spark.session.cluster import settings_of
from spark_deepnet.spark.session.task_cpus import task_cpus
from tests.spark.data import blobs, estimator, frame, same

STACK = [
    Reshape((16, 16, 1)), Conv2D(16, 5, activation="relu"), MaxPool2D(2), Flatten(),
    Dense(160, "relu"), Reshape((20, 8)), LSTM(32), Dense(3),
]  # fmt: skip
"""With a batch of 128 rows its convolution, pooling, first Dense and LSTM are work enough to be cut."""


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(256, 256)).cache()


@pytest.mark.parametrize("exchange", ["sockets", "spark"])
def test_threads_change_no_bit_of_a_fit(rows: Any, exchange: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = estimator(layers=STACK, batchSize=128, maxIter=2, exchange=exchange, solver="sgd")
    one = net.fit(rows)
    monkeypatch.setattr(cluster, "settings_of", lambda spark: settings_of(spark) | {"spark.task.cpus": "2"})
    assert cluster.Cluster.of(rows.sparkSession).task_cpus == 2
    two = net.fit(rows)
    assert same(one, two)
    assert np.isfinite(one.summary.objectiveHistory).all()


def test_scoring_takes_the_cores_of_its_task(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert task_cpus() == 1  # the driver is no task
    with monkeypatch.context() as patch:
        patch.setattr(TaskContext, "get", lambda: type("Task", (), {"cpus": lambda self: 2})())
        assert task_cpus() == 2
    in_tasks = rows.sparkSession.range(2).rdd.map(lambda _: task_cpus()).collect()
    assert in_tasks == [1, 1]
