"""What dies in the middle of a fit is started again by Spark, and the weights are as if nothing had happened."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import ClusterError
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.processes import busy, executors, workers

pytestmark = [pytest.mark.sessions("cluster"), pytest.mark.slow]
DEADLINE = 5.0


def attempts(spark: Any) -> int:
    """The most attempts that a stage needed."""
    tracker = spark.sparkContext.statusTracker()
    infos = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(None)]
    stages = [tracker.getStageInfo(stage) for info in infos if info for stage in info.stageIds]
    return 1 + max(stage.currentAttemptId for stage in stages if stage)


def started(net: DeepNetEstimator, rows: Any) -> tuple[threading.Thread, list[Any]]:
    """A fit in a thread, and what becomes of it: a model or an error."""
    done: list[Any] = []

    def fit() -> None:
        try:
            done.append(net.fit(rows))
        except Exception as error:
            done.append(error)

    thread = threading.Thread(target=fit)
    thread.start()
    return thread, done


def check_recovered(spark: Any, victims: Callable[[Any], list[int]], end: int = signal.SIGKILL) -> None:
    rows = frame(spark, *blobs(300)).cache()
    net = estimator(layers=[4, 64, 64, 3], batchSize=10, maxIter=250, numTrainWorkers=2, timeout=DEADLINE)
    whole = net.fit(rows)
    fit, done = started(net, rows)
    time.sleep(2 + sum(row["seconds"] for row in whole.summary.history) / 3)
    assert fit.is_alive()
    for pid in victims(spark):
        os.kill(pid, end)
    fit.join(120)
    assert attempts(spark) > 1
    assert same(done[0], whole)


def test_a_python_worker_that_is_killed(spark: Any) -> None:
    check_recovered(spark, workers)


def test_an_executor_that_is_killed(spark: Any) -> None:
    check_recovered(spark, lambda spark: executors(spark)[:1])


def test_a_rank_that_is_frozen(spark: Any) -> None:
    """Spark kills it with the job, so that it does not stay behind."""
    frozen: list[int] = []

    def victims(spark: Any) -> list[int]:
        frozen.extend(found for executor in executors(spark)[:1] for found in busy(executor))
        return frozen

    check_recovered(spark, victims, signal.SIGSTOP)
    assert frozen
    assert [pid for pid in frozen if os.path.exists(f"/proc/{pid}")] == []


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (signal.SIGKILL, r"fit: rank \d on \S+ was killed; out of memory\?"),
        (signal.SIGSTOP, r"fit: rank \d on \S+ failed with ExchangeError: .* for rank \d at .*, which answers nobody"),
    ],
    ids=["killed", "frozen"],
)
def test_the_rank_that_ends_a_fit_is_named(spark: Any, end: int, words: str) -> None:
    """One is hit in each of Spark's four tries."""
    rows = frame(spark, *blobs(300)).cache()
    fit, done = started(
        estimator(layers=[4, 64, 64, 3], batchSize=10, maxIter=9000, numTrainWorkers=2, timeout=DEADLINE), rows
    )
    deadline = time.monotonic() + 200
    while fit.is_alive() and time.monotonic() < deadline:
        for pid in [pid for executor in executors(spark) for pid in busy(executor)][:1]:
            os.kill(pid, end)
            fit.join(1.0 if end == signal.SIGKILL else 2 * DEADLINE)
    fit.join(10)
    assert isinstance(done[0], ClusterError)
    assert re.match(words, str(done[0])), str(done[0])
