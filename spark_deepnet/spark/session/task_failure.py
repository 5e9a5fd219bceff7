"""Which task of a job failed first, and of what, in one sentence."""

from __future__ import annotations

import re

from pyspark.sql import SparkSession

from spark_deepnet.spark.session.crash_notes import crash_notes
from spark_deepnet.spark.session.failed_tasks import FailedTask, failed_tasks

_PYTHON_ERROR = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt)): (.+)$", re.MULTILINE)
_BARRIER = re.compile(r"barrier task \w+\((\d+), (\d+)\) finished unsuccessfully\.\s*")
_TASK = re.compile(r"Task (\d+) in stage (\d+)\.\d+ failed .*?Lost task \S+ in stage \S+ \(TID \d+\) \((\S+).*?\): ")
_EXECUTOR = re.compile(r"ExecutorLostFailure \(executor \S+ (?:exited|lost).*?\) Reason: (.+)")
_CRASHED = "Python worker exited unexpectedly"
_FATAL = re.compile(r"Fatal Python error: ([^\n]+)")
_FRAME = re.compile(r'File "(?:.*/)?([^/"]+/[^/"]+)", line (\d+) in (\w+)')
_EXIT_CODE = re.compile(r"(?:exit(?:ed with)?|with) (?:code|status):? (\d+)", re.IGNORECASE)
_OUT_OF_MEMORY = re.compile(r"OOM|out of memory|memory limits", re.IGNORECASE)
_SIGNALS = {
    "Segmentation fault": "SIGSEGV",
    "Aborted": "SIGABRT",
    "Bus error": "SIGBUS",
    "Illegal instruction": "SIGILL",
    "Floating-point exception": "SIGFPE",
    "Floating point exception": "SIGFPE",
}
_SIGNALS_BY_CODE = {
    134: "SIGABRT", 135: "SIGBUS", 132: "SIGILL", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM",
}  # fmt: skip
_OUT_OF_MEMORY_CODES = {52, 137}
"""Codes with which an executor ends for want of memory: Spark's own, and that of SIGKILL."""
_FOLLOWER = "LostPeerError"
"""The error of the ranks that were connected to the one that failed."""


def cause_of(text: str, spark: SparkSession | None, job: str) -> str:
    """What ended the first task to fail, not what its end did to the others."""
    failed = _first_failed(text, spark)
    if failed is None:
        return f"a worker failed, and the first cause that Spark names is {_python_error(text)}"
    return sentence(failed, spark, job)


def sentence(failed: FailedTask, spark: SparkSession | None, job: str) -> str:
    """How a task ended; spark, job: where its crash may have left a note."""
    return _in_words(failed, _note(failed, spark, job))


def _note(failed: FailedTask, spark: SparkSession | None, job: str) -> str | None:
    """What the worker left behind of its crash; None where nothing is known."""
    if spark is None or not job or _CRASHED not in failed.reason or _FATAL.search(failed.reason):
        return None
    return crash_notes(spark, job).get(failed.rank)


def _in_words(failed: FailedTask, note: str | None) -> str:
    who = f"rank {failed.rank}" + (f" on {failed.host}" if failed.host else "")
    lost = _EXECUTOR.search(failed.reason)
    if lost is not None:
        return f"{who} was lost with its executor ({lost[1].strip()}){_exit_code(failed.reason)}"
    if _CRASHED not in failed.reason:
        return f"{who} failed with {_python_error(failed.reason)}"
    crash = _FATAL.search(failed.reason + (note or ""))
    if crash is not None:
        frame = _FRAME.search(failed.reason + (note or ""))
        signal = _SIGNALS.get(crash[1].strip(), "a signal")
        place = f" at {frame[1]}, line {frame[2]}, in {frame[3]}" if frame else ""
        return f"{who} crashed with {signal} ({crash[1].strip()}){place}, a fault of native code"
    if note is not None:
        return f"{who} was killed (SIGKILL); out of memory?"
    return f"{who} ended without an error of its own: its Python was killed, or crashed"


def _exit_code(reason: str) -> str:
    """What the code means with which an executor ended."""
    match = _EXIT_CODE.search(reason)
    code = int(match[1]) if match else 0
    if code in _OUT_OF_MEMORY_CODES or _OUT_OF_MEMORY.search(reason):
        return "; was it killed, out of memory?"
    return f", which is {_SIGNALS_BY_CODE[code]}" if code in _SIGNALS_BY_CODE else ""


def _first_failed(text: str, spark: SparkSession | None) -> FailedTask | None:
    """The task that the text names, or of those that the session lists one that failed for its own sake."""
    barrier, task = _BARRIER.search(text), _TASK.search(text)
    if barrier is not None:
        named, stage = FailedTask(int(barrier[2]), "", text[barrier.end() :]), int(barrier[1])
    elif task is not None:
        named, stage = FailedTask(int(task[1]), task[3], text[task.end() :]), int(task[2])
    else:
        return None
    tasks = [named, *failed_tasks(spark, stage)] if spark is not None else [named]
    first = first_of(tasks)
    host = next((task.host for task in tasks if task.rank == first.rank and task.host), "")
    return first._replace(host=host)


def first_of(failed: list[FailedTask]) -> FailedTask:
    """The first that failed for its own sake."""
    return next((task for task in failed if _FOLLOWER not in task.reason), failed[0])


def _python_error(text: str) -> str:
    """The Python error of a text, or its first line."""
    errors = _PYTHON_ERROR.findall(text.partition("\n\tat ")[0])
    return f"{errors[-1][0]}: {errors[-1][1]}" if errors else text.strip().partition("\n")[0]
