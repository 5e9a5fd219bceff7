"""What dies in the middle of a fit is started again by Spark, and the weights are as if nothing had happened."""

from __future__ import annotations

import logging
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
KILLED = r"rank \d on \S+ was killed \(SIGKILL\); out of memory\?"
NOT_MET = r"rank \d on \S+ failed with ExchangeError: rank \d at \S+ waited 5 s to meet 1 others; is one frozen\?"
FROZEN = r"rank \d on \S+ failed with ExchangeError: .* for rank \d at .*, which answers nobody"


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


def check_recovered(spark: Any, caplog: Any, victims: Callable[[Any], list[int]], words: str, end: int) -> None:
    rows = frame(spark, *blobs(300)).cache()
    net = estimator(layers=[4, 64, 64, 3], batchSize=10, maxIter=250, numTrainWorkers=2, timeout=DEADLINE)
    whole = net.fit(rows)
    fit, done = started(net, rows)
    time.sleep(2 + sum(row["seconds"] for row in whole.summary.history) / 3)
    assert fit.is_alive()
    hit = victims(spark)
    for pid in hit:
        os.kill(pid, end)
    with caplog.at_level(logging.WARNING):
        fit.join(120)
    assert attempts(spark) > 1
    assert same(done[0], whole)
    (told,) = [r.getMessage() for r in caplog.records if r.name.startswith("spark_deepnet")]
    assert re.match("fit: job 1 was run again: " + words, told), told
    assert [pid for pid in hit if os.path.exists(f"/proc/{pid}")] == [], "a frozen one does not stay behind"


def test_a_python_worker_that_is_killed(spark: Any, caplog: Any) -> None:
    check_recovered(spark, caplog, workers, KILLED, signal.SIGKILL)


def test_an_executor_that_is_killed(spark: Any, caplog: Any) -> None:
    words = r"rank \d on \S+ was lost with its executor \(Command exited with code 137\)"
    check_recovered(spark, caplog, lambda spark: executors(spark)[:1], words, signal.SIGKILL)


def test_a_rank_that_is_frozen(spark: Any, caplog: Any) -> None:
    check_recovered(spark, caplog, lambda spark: busy(executors(spark)[0]), FROZEN, signal.SIGSTOP)


@pytest.mark.parametrize(
    ("end", "words"), [(signal.SIGKILL, KILLED), (signal.SIGSTOP, f"{FROZEN}|{NOT_MET}")], ids=["killed", "frozen"]
)
def test_the_rank_that_ends_a_fit_is_named(spark: Any, end: int, words: str) -> None:
    """One is hit in each of Spark's four tries; a frozen one perhaps before it has met the others."""
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
    assert re.match(f"fit: ({words})", str(done[0])), str(done[0])
