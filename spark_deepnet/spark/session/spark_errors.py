"""Spark's own errors in one sentence of ours."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession, is_remote

from spark_deepnet.errors import ClusterError, DeepNetError
from spark_deepnet.spark.fit.crashes import ends
from spark_deepnet.spark.session.failed_tasks import Failed, failed_tasks

_log = logging.getLogger(__name__)
_PYTHON = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt)): (.+)$", re.MULTILINE)
_MISSING = re.compile(r"No module named '([\w.]+)'")
_BARRIER = re.compile(r"barrier task \w+\((\d+), (\d+)\) finished unsuccessfully\.\s*")
_TASK = re.compile(r"Task (\d+) in stage (\d+)\.\d+ failed .*?Lost task \S+ in stage \S+ \(TID \d+\) \((\S+).*?\): ")
_EXECUTOR = re.compile(r"ExecutorLostFailure \(executor \S+ (?:exited|lost).*?\) Reason: (.+)")
_CRASHED = "Python worker exited unexpectedly"
_FATAL = re.compile(r"Fatal Python error: ([^\n]+)")
_FRAME = re.compile(r'File "(?:.*/)?([^/"]+/[^/"]+)", line (\d+) in (\w+)')
_CODE = re.compile(r"(?:exit(?:ed with)?|with) (?:code|status):? (\d+)", re.IGNORECASE)
_MEMORY = re.compile(r"OOM|out of memory|memory limits", re.IGNORECASE)
_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating-point exception": "SIGFPE",
    "Floating point exception": "SIGFPE",
}
_CODES = {134: "SIGABRT", 135: "SIGBUS", 132: "SIGILL", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
_OUT_OF_MEMORY = {52, 137}
"""Codes with which an executor ends for want of memory: Spark's own, and that of SIGKILL."""
_CANCELLED = re.compile(r"SPARK_JOB_CANCELLED|OPERATION_CANCELED|Job \d+ cancelled")
_HOW = re.compile(r"Job \d+ cancelled[^\n]*?(?= SQLSTATE|\n|$)")
_STOPPED = re.compile(r"SparkContext was shut down|stopped SparkContext|SESSION_CLOSED|SESSION_CHANGED")
_FOLLOWS = "LostPeerError"
"""What the others of a rank that has gone say."""
SLOTS = "SPARK-24819"
"""Spark's mark of a barrier job that asks for more slots than there are now."""


def said_by_spark(error: Exception, spark: SparkSession | None = None, job: str = "") -> Exception:
    """What to raise instead of an error of Spark: its whole text goes to the log. job: the fit's own name of its job."""
    if isinstance(error, DeepNetError):
        return error
    _log.debug("the Spark job failed", exc_info=error)
    if (end := ended(error, spark)) is not None:
        return end
    text = str(error)
    if known := known_failure(text):
        return known
    if not ("PythonException" in text or "Traceback" in text or "barrier" in text.lower() or "Job aborted" in text):
        return error  # not of our making: a query of the user's that cannot be analysed, a lost connection
    return ClusterError(f"fit: {_cause(text, spark, job)}; Spark gave up after its retries")


def known_failure(text: str) -> ClusterError | None:
    """What Spark's errors of some marks mean."""
    missing = _MISSING.search(text)
    for mark, sentence in _KNOWN:
        if mark in text:
            version = ".".join(map(str, sys.version_info[:2]))
            module = missing[1] if missing else ""
            return ClusterError(sentence.format(python=sys.executable, version=version, module=module))
    return None


def ended(error: Exception, spark: SparkSession | None, what: str = "fit") -> ClusterError | None:
    """The answer where somebody has cancelled the jobs of the session, or stopped it; None where nobody has."""
    text, again = str(error), "again, which resumes from its last checkpoint where checkpointDir is set"
    again = again if what == "fit" else "again"
    if _STOPPED.search(text) or (spark is not None and _is_stopped(spark)):
        return ClusterError(f"{what}: the Spark session was stopped meanwhile; start another and call {what} {again}")
    if _CANCELLED.search(text):
        how = _HOW.search(text)
        return ClusterError(
            f"{what}: its Spark job was cancelled ({how[0] if how else 'interrupted'}); call {what} {again}"
        )
    return None


@contextmanager
def in_one_sentence(spark: SparkSession, what: str) -> Iterator[None]:
    """A session that is stopped, jobs that are cancelled, and Spark's errors of some marks end what is within in a
    sentence; others stay as they are, for the user's own query may be at fault."""
    try:
        yield
    except DeepNetError:
        raise
    except Exception as error:
        end = ended(error, spark, what) or known_failure(str(error))
        if end is None:
            raise
        _log.debug("%s ended", what, exc_info=error)
        raise end from None


def _is_stopped(spark: Any) -> bool:
    try:
        if is_remote():
            return bool(spark.is_stopped)
        context = spark.sparkContext
        return context._jsc is None or bool(context._jsc.sc().isStopped())
    except Exception:  # a stand-in, or a version that does not tell
        return False


def _cause(text: str, spark: SparkSession | None, job: str) -> str:
    """What ended the first task to fail, not what its end did to the others."""
    failed = _failed(text, spark)
    if failed is None:
        return f"a worker failed, and the first cause that Spark names is {_named(text)}"
    return _words(failed, _note(failed, spark, job))


def _note(failed: Failed, spark: SparkSession | None, job: str) -> str | None:
    """What the worker left behind of its crash; None where nothing is known."""
    if spark is None or not job or _CRASHED not in failed.reason or _FATAL.search(failed.reason):
        return None
    return ends(spark, job).get(failed.rank)


def _words(failed: Failed, note: str | None = None) -> str:
    who = f"rank {failed.rank}" + (f" on {failed.host}" if failed.host else "")
    lost = _EXECUTOR.search(failed.reason)
    if lost is not None:
        return f"{who} was lost with its executor ({lost[1].strip()}){_lost(failed.reason)}"
    if _CRASHED not in failed.reason:
        return f"{who} failed with {_named(failed.reason)}"
    crash = _FATAL.search(failed.reason + (note or ""))
    if crash is not None:
        frame = _FRAME.search(failed.reason + (note or ""))
        signal = _SIGNALS.get(crash[1].strip(), "a signal")
        place = f" at {frame[1]}, line {frame[2]}, in {frame[3]}" if frame else ""
        return f"{who} crashed with {signal} ({crash[1].strip()}){place}, a fault of native code"
    if note is not None:
        return f"{who} was killed (SIGKILL); out of memory?"
    return f"{who} is gone without a word: its Python was killed, or crashed"


def _lost(reason: str) -> str:
    """What the code tells with which an executor ended."""
    code = _CODE.search(reason)
    number = int(code[1]) if code else 0
    if number in _OUT_OF_MEMORY or _MEMORY.search(reason):
        return "; was it killed, out of memory?"
    return f", which is {_CODES[number]}" if number in _CODES else ""


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


def tell_of_retries(spark: SparkSession, measures: dict[str, Any], job: str) -> None:
    """Warn where Spark has run a job again, and the session tells; measures: of one of its ranks."""
    failed = failed_tasks(spark, measures["stage"], before=1)
    if failed:
        first = _first(failed)
        _log.warning("fit: job %d was run again: %s", measures["job"], _words(first, _note(first, spark, job)))


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
