"""The one cause among what Spark says of a job that failed; none of this needs a session, but for the last."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.errors import ClusterError, DataError
from spark_deepnet.spark import failures
from spark_deepnet.spark.failures import said_by_spark
from spark_deepnet.spark.tasks import Failed

STAGE = (
    "An error occurred while calling o227.collectToPython.\n: org.apache.spark.SparkException: Job aborted due to stage "
    "failure: ShuffleMapStage 9 (fit at a.py:21) has failed the maximum allowable number of times: 4. Most recent failure "
    "reason: Stage failed because barrier task ShuffleMapTask(9, 1) finished unsuccessfully.\n"
)
TASK = (
    "An error occurred while calling o9.collectToPython.\n: org.apache.spark.SparkException: Job aborted due to stage "
    "failure: Task 2 in stage 5.0 failed 4 times, most recent failure: Lost task 2.3 in stage 5.0 (TID 17) (10.0.0.7 "
    "executor 1): "
)
CRASHED = (
    "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed). Consider\n\tat org.apache.spark.A"
)
LOST = (
    "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: Command exited with code 137\n"
)
GONE = (
    'org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File "a.py", line 3, in f\n'
    "spark_deepnet.errors.LostPeerError: rank 1: rank 0 at 10.0.0.9:34857 closed the connection; its own error says why\n"
    "\n\tat org.apache.spark.B"
)
FROZEN = GONE.replace("LostPeerError: rank 1: rank 0 at 10.0.0.9:34857 closed the connection; its own error says why", (
    "ExchangeError: rank 1 waited 5 s for rank 0 at 10.0.0.9:34857, which answers nobody; is it frozen or unreachable?"
))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (STAGE + CRASHED, "rank 1 was killed; out of memory?"),
        (STAGE + LOST, "rank 1 was lost with its executor (Command exited with code 137); was it killed, out of memory?"),
        (STAGE + FROZEN, "rank 1 failed with ExchangeError: rank 1 waited 5 s for rank 0 at 10.0.0.9:34857, which answers "
                         "nobody; is it frozen or unreachable?"),
        (TASK + CRASHED, "rank 2 on 10.0.0.7 was killed; out of memory?"),
        (TASK + LOST, "rank 2 on 10.0.0.7 was lost with its executor (Command exited with code 137); was it killed, out "
                      "of memory?"),
    ],
)  # fmt: skip
def test_the_cause_is_named(text: str, cause: str) -> None:
    error = said_by_spark(RuntimeError(text))
    assert type(error) is ClusterError
    assert str(error) == f"fit: {cause}; Spark gave up after its retries"


def test_it_is_not_what_the_end_of_one_rank_did_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [Failed(1, "10.0.0.8", GONE), Failed(0, "10.0.0.9", CRASHED)]
    monkeypatch.setattr(failures, "failed_tasks", lambda spark, stage: known if stage == 9 else [])
    session: Any = object()
    assert "rank 0 on 10.0.0.9 was killed; out of memory?" in str(said_by_spark(RuntimeError(STAGE + GONE), session))
    assert "rank 1 failed with LostPeerError: rank 1: rank 0 at" in str(said_by_spark(RuntimeError(STAGE + GONE)))


def test_a_full_disk_is_told() -> None:
    error = said_by_spark(RuntimeError(TASK + "java.io.IOException: No space left on device"))
    assert "a disk is full" in str(error)


def test_what_is_no_failure_of_a_job_stays_as_it_is() -> None:
    for error in DataError("column 'a': null"), RuntimeError("[UNRESOLVED_COLUMN] no column x"):
        assert said_by_spark(error) is error
