"""What dies in the middle of a fit is started again by Spark, and the weights are as if nothing had happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.spark.data import blobs, estimator, frame, same

pytestmark = [pytest.mark.sessions("cluster"), pytest.mark.slow]


def tree(pid: int) -> list[tuple[int, str]]:
    """All descendants of a process, with their command lines."""
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        for child in below.get(todo.pop(), []):
            todo.append(child)
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found.append((child, command))
    return found


def executors(spark: Any) -> list[int]:
    """The executors' JVMs."""
    ours = tree(spark.sparkContext._gateway.proc.pid)
    return [pid for pid, command in ours if "CoarseGrainedExecutorBackend" in command and "java" in command.split()[0]]


def workers(spark: Any) -> list[int]:
    """The Python processes that one executor's tasks run in, and those that wait there for a task."""
    return [pid for pid, command in tree(executors(spark)[0]) if "pyspark.daemon" in command][1:]


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
