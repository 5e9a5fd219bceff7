"""Spark's own errors in one sentence of ours."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError, DeepNetError
from spark_deepnet.spark.tasks import Failed, failed_tasks

_log = logging.getLogger(__name__)
_PYTHON = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt)): (.+)$", re.MULTILINE)
_MISSING = re.compile(r"No module named '([\w.]+)'")
_BARRIER = re.compile(r"barrier task \w+\((\d+), (\d+)\) finished unsuccessfully\.\s*")
_TASK = re.compile(r"Task (\d+) in stage (\d+)\.\d+ failed .*?Lost task \S+ in stage \S+ \(TID \d+\) \((\S+).*?\): ")
_EXECUTOR = re.compile(r"ExecutorLostFailure \(executor \S+ (?:exited|lost).*?\) Reason: (.+)")
_CRASHED = "Python worker exited unexpectedly"
_FOLLOWS = "LostPeerError"
"""What the others of a rank that has gone say."""
SLOTS = "SPARK-24819"
"""Spark's mark of a barrier job that asks for more slots than there are now."""


def said_by_spark(error: Exception, spark: SparkSession | None = None) -> Exception:
    """What to raise instead of an error of Spark: its whole text goes to the log."""
    if isinstance(error, DeepNetError):
        return error
    _log.debug("the Spark job failed", exc_info=error)
    text = str(error)
    if known := known_failure(text):
        return known
    if not ("PythonException" in text or "Traceback" in text or "barrier" in text.lower() or "Job aborted" in text):
        return error  # not of our making: a query of the user's that cannot be analysed, a lost connection
    return ClusterError(f"fit: {_cause(text, spark)}; Spark gave up after its retries")


def known_failure(text: str) -> ClusterError | None:
    """What Spark's errors of some marks mean."""
    missing = _MISSING.search(text)
    for mark, sentence in _KNOWN:
        if mark in text:
            version = ".".join(map(str, sys.version_info[:2]))
            module = missing[1] if missing else ""
            return ClusterError(sentence.format(python=sys.executable, version=version, module=module))
    return None


@contextmanager
def known_failures() -> Iterator[None]:
    """Spark's errors of those marks in one sentence, others as they are: where the user's own query may be at fault."""
    try:
        yield
    except DeepNetError:
        raise
    except Exception as error:
        if known := known_failure(str(error)):
            raise known from None
        raise


def _cause(text: str, spark: SparkSession | None) -> str:
    """What ended the first task to fail, not what its end did to the others."""
    failed = _failed(text, spark)
    return _words(failed) if failed else f"a worker failed, and the first cause that Spark names is {_named(text)}"


def _words(failed: Failed) -> str:
    who = f"rank {failed.rank}" + (f" on {failed.host}" if failed.host else "")
    lost = _EXECUTOR.search(failed.reason)
    if lost is not None:
        return f"{who} was lost with its executor ({lost[1].strip()}); was it killed, out of memory?"
    if _CRASHED in failed.reason:
        return f"{who} was killed; out of memory?"
    return f"{who} failed with {_named(failed.reason)}"


def _failed(text: str, spark: SparkSession | None) -> Failed | None:
    """The task that the text tells of; of those that the session knows, one that did not fail for another's sake."""
    barrier, task = _BARRIER.search(text), _TASK.search(text)
    if barrier is not None:
        told, stage = Failed(int(barrier[2]), "", text[barrier.end() :]), int(barrier[1])
    elif task is not None:
        told, stage = Failed(int(task[1]), task[3], text[task.end() :]), int(task[2])
    else:
        return None
    known = [told, *failed_tasks(spark, stage)] if spark is not None else [told]
    first = _first(known)
    host = next((one.host for one in known if one.rank == first.rank and one.host), "")
    return first._replace(host=host)


def _first(failed: list[Failed]) -> Failed:
    """The first that did not fail for another's sake."""
    return next((one for one in failed if _FOLLOWS not in one.reason), failed[0])


def tell_of_retries(spark: SparkSession, measures: dict[str, Any]) -> None:
    """Warn where Spark has run a job again, and the session tells; measures: of one of its ranks."""
    failed = failed_tasks(spark, measures["stage"], before=1)
    if failed:
        _log.warning("fit: job %d was run again: %s", measures["job"], _words(_first(failed)))


def _named(text: str) -> str:
    """The Python error of a text, or its first line."""
    found = _PYTHON.findall(text.partition("\n\tat ")[0])
    return f"{found[-1][0]}: {found[-1][1]}" if found else first_line(text)


def first_line(error: Exception | str) -> str:
    return str(error).strip().partition("\n")[0]


_KNOWN = (
    (
        "No module named '",
        "fit: the workers' Python has no module {module}; install spark_deepnet, with what it needs, on every executor "
        "and set PYSPARK_PYTHON to that Python before the session starts (on this machine: {python})",
    ),
    (
        "PYTHON_VERSION_MISMATCH",
        "fit: the workers run another Python version than the driver's {version}; set PYSPARK_PYTHON to a Python "
        "{version} on every executor before the session starts (on this machine: {python})",
    ),
    (
        SLOTS,
        "fit: numTrainWorkers is more than the slots of the cluster, and all workers must run at once; ask for fewer, "
        "or add cores or executors",
    ),
    (
        "SPARK-24942",
        "fit: spark.dynamicAllocation.enabled is true, but all workers of a fit must run at once; set it to false for "
        "this application",
    ),
    (
        "spark.driver.maxResultSize",
        "fit: what workers send to the driver, above all the model's weights, is larger than spark.driver.maxResultSize; "
        "raise it before the session starts",
    ),
    (
        "TaskResultLost",
        "fit: what a worker sent to the driver was lost on its way; it is larger than spark.driver.maxResultSize, or its "
        "executor has died: raise the one before the session starts, or give executors more memory",
    ),
    (
        "No space left on device",
        "fit: a disk is full, of an executor (spark.local.dir) or of checkpointDir; make room, and fit again",
    ),
)
