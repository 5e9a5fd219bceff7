"""The one cause among what Spark says of a job that failed; none of this needs a session, but for the last."""

from __future__ import annotations

from typing import Any

import pytest

from spark_deepnet.errors import ClusterError, DataError
from spark_deepnet.spark.session import spark_errors, task_failure
from spark_deepnet.spark.session.failed_tasks import FailedTask
from spark_deepnet.spark.session.spark_errors import translate_spark_error

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
TRACE = (
    "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f9ad6431b80 (most recent call first):\n"
    '  File "/usr/lib/python3/spark_deepnet/kernels/sparse.py", line 12 in put_rows\n  File "a.py", line 14 in f\n'
)
SEGFAULT = (
    f"org.apache.spark.SparkException: Python worker exited unexpectedly (crashed): {TRACE}\n\tat org.apache.spark.A"
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
        (STAGE + CRASHED, "rank 1 ended without an error of its own: its Python was killed, or crashed"),
        (STAGE + SEGFAULT, "rank 1 crashed with SIGSEGV (Segmentation fault) at kernels/sparse.py, line 12, in put_rows, a "
                           "fault of native code"),
        (STAGE + LOST.replace("137", "139"), "rank 1 was lost with its executor (Command exited with code 139), which is "
                                             "SIGSEGV"),
        (STAGE + LOST.replace("Command exited with code 137", "Remote RPC client disassociated"),
         "rank 1 was lost with its executor (Remote RPC client disassociated)"),
        (STAGE + LOST.replace("Command exited with code 137", "Container killed by YARN for exceeding memory limits"),
         "rank 1 was lost with its executor (Container killed by YARN for exceeding memory limits); was it killed, out of "
         "memory?"),
        (STAGE + LOST, "rank 1 was lost with its executor (Command exited with code 137); was it killed, out of memory?"),
        (STAGE + FROZEN, "rank 1 failed with ExchangeError: rank 1 waited 5 s for rank 0 at 10.0.0.9:34857, which answers "
                         "nobody; is it frozen or unreachable?"),
        (TASK + CRASHED, "rank 2 on 10.0.0.7 ended without an error of its own: its Python was killed, or crashed"),
        (TASK + LOST, "rank 2 on 10.0.0.7 was lost with its executor (Command exited with code 137); was it killed, out "
                      "of memory?"),
    ],
)  # fmt: skip
def test_the_cause_is_named(text: str, cause: str) -> None:
    error = translate_spark_error(RuntimeError(text))
    assert type(error) is ClusterError
    assert str(error) == f"fit: {cause}; Spark gave up after its retries"


def test_it_is_not_what_the_end_of_one_rank_did_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [FailedTask(1, "10.0.0.8", GONE), FailedTask(0, "10.0.0.9", CRASHED)]
    monkeypatch.setattr(task_failure, "failed_tasks", lambda spark, stage: known if stage == 9 else [])
    session: Any = object()
    assert "rank 0 on 10.0.0.9 ended without an error of its own" in str(
        translate_spark_error(RuntimeError(STAGE + GONE), session)
    )
    assert "rank 1 failed with LostPeerError: rank 1: rank 0 at" in str(
        translate_spark_error(RuntimeError(STAGE + GONE))
    )


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (TRACE, "crashed with SIGSEGV (Segmentation fault) at kernels/sparse.py, line 12, in put_rows"),
        (TRACE.replace("Segmentation fault", "Bus error"), "crashed with SIGBUS (Bus error)"),
        ("Fatal Python error: Aborted\n", "crashed with SIGABRT (Aborted), a fault"),
        ("", "was killed (SIGKILL); out of memory?"),
        (None, "ended without an error of its own: its Python was killed, or crashed"),
    ],
)
def test_memory_is_suspected_of_who_was_killed_alone(
    monkeypatch: pytest.MonkeyPatch, note: str | None, words: str
) -> None:
    monkeypatch.setattr(task_failure, "failed_tasks", lambda spark, stage: [])
    monkeypatch.setattr(task_failure, "crash_notes", lambda spark, job: {} if note is None else {1: note})
    session: Any = object()
    error = str(translate_spark_error(RuntimeError(STAGE + CRASHED), session, "job"))
    assert f"rank 1 {words}" in error
    assert ("memory" in error) == (note == "")


ENDS = {
    "cancelAllJobs": "[SPARK_JOB_CANCELLED] Job 1 cancelled as part of cancellation of all jobs SQLSTATE: XXKDA\n\tat org.",
    "cancelJobGroup": "[SPARK_JOB_CANCELLED] Job 1 cancelled part of cancelled job group g SQLSTATE: XXKDA\n\tat org.",
    "cancelJobsWithTag": "[SPARK_JOB_CANCELLED] Job 1 cancelled part of cancelled job tags t SQLSTATE: XXKDA\n\tat org.",
    "interruptAll": "(org.apache.spark.SparkSQLException) [OPERATION_CANCELED] Operation has been canceled. SQLSTATE: HY008",
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("what", ["fit", "transform"])
def test_cancelled_jobs_end_in_one_sentence(how: str, what: str) -> None:
    text = f"An error occurred while calling o253.collectToPython.\n: org.apache.spark.SparkException: {ENDS[how]}"
    session: Any = object()
    with pytest.raises(ClusterError) as raised, spark_errors.session_errors(session, what):
        raise RuntimeError(text)
    found = str(raised.value)
    assert found.startswith(f"{what}: its Spark job was cancelled (")
    assert "\n" not in found
    assert "SQLSTATE" not in found
    assert raised.value.__suppress_context__, "no page of Java behind it"


class Stopped:
    """A session that was stopped."""

    class sparkContext:  # noqa: N801
        _jsc = None


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NoneType' object has no attribute 'setCallSite'"),
        RuntimeError("NullPointerException\n\tat org."),
    ],
)
def test_a_stopped_session_ends_in_one_sentence(error: Exception) -> None:
    session: Any = Stopped()
    with pytest.raises(ClusterError, match=r"^fit: the Spark session was stopped meanwhile; start another"):
        with spark_errors.session_errors(session, "fit"):
            raise error


def test_a_full_disk_is_told() -> None:
    error = translate_spark_error(RuntimeError(TASK + "java.io.IOException: No space left on device"))
    assert "a disk is full" in str(error)


def test_what_is_no_failure_of_a_job_stays_as_it_is() -> None:
    for error in DataError("column 'a': null"), RuntimeError("[UNRESOLVED_COLUMN] no column x"):
        assert translate_spark_error(error) is error
