"""What dies in the middle of a fit is started again by Spark, and the weights are as if nothing had happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.spark.data import blobs, estimator, frame, same
from tests.spark.processes import executors, workers

pytestmark = [pytest.mark.sessions("cluster"), pytest.mark.slow]


def attempts(spark: Any) -> int:
    """The most attempts that a stage needed."""
    tracker = spark.sparkContext.statusTracker()
    infos = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(None)]
    stages = [tracker.getStageInfo(stage) for info in infos if info for stage in info.stageIds]
    return 1 + max(stage.currentAttemptId for stage in stages if stage)


def check_recovered(spark: Any, victims: Callable[[Any], list[int]]) -> None:
    rows = frame(spark, *blobs(300)).cache()
    net = estimator(layers=[4, 64, 64, 3], batchSize=10, maxIter=250, numTrainWorkers=2)
    whole = net.fit(rows)
    done: list[Any] = []
    fit = threading.Thread(target=lambda: done.append(net.fit(rows)))
    fit.start()
    time.sleep(2 + sum(row["seconds"] for row in whole.summary.history) / 3)
    assert fit.is_alive()
    for pid in victims(spark):
        os.kill(pid, signal.SIGKILL)
    fit.join(120)
    assert attempts(spark) > 1
    assert same(done[0], whole)


def test_a_python_worker_that_is_killed(spark: Any) -> None:
    check_recovered(spark, workers)


def test_an_executor_that_is_killed(spark: Any) -> None:
    check_recovered(spark, lambda spark: executors(spark)[:1])
