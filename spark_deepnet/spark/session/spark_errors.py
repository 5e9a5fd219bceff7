"""Spark's own errors in one sentence of ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError, DeepNetError
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.failed_tasks import failed_tasks
from spark_deepnet.spark.session.task_failure import cause_of, first_of, sentence
from spark_deepnet.spark.session.user_errors import user_error

_CANCELLED = re.compile(r"SPARK_JOB_CANCELLED|OPERATION_CANCELED|Job \d+ cancelled")
_HOW_CANCELLED = re.compile(r"Job \d+ cancelled[^\n]*?(?= SQLSTATE|\n|$)")
_STOPPED = re.compile(r"SparkContext was shut down|stopped SparkContext|SESSION_CLOSED|SESSION_CHANGED")
_JOB_FAILED = re.compile(r"PythonException|Traceback|(?i:barrier)|Job aborted")
_log = logging.getLogger(__name__)


def translate_spark_error(error: Exception, spark: SparkSession | None = None, job: str = "") -> Exception:
    """The error to raise instead of one of Spark, whose whole text goes to the log. job: the fit's own name of its job."""
    if isinstance(error, DeepNetError):
        return error
    _log.debug("the Spark job failed", exc_info=error)
    text = str(error)
    if known := ended_session(error, spark) or user_error(text):
        return known
    if not _JOB_FAILED.search(text):
        return error  # not of our making: a query of the user's that cannot be analysed, a lost connection
    return ClusterError(f"fit: {cause_of(text, spark, job)}; Spark gave up after its retries")


def ended_session(error: Exception, spark: SparkSession | None, what: str = "fit") -> ClusterError | None:
    """The error where somebody has cancelled the jobs of the session, or stopped it; None where nobody has."""
    text = str(error)
    again = "again, which resumes from its last checkpoint where checkpointDir is set" if what == "fit" else "again"
    if _STOPPED.search(text) or (spark is not None and _is_stopped(spark)):
        return ClusterError(f"{what}: the Spark session was stopped meanwhile; start another and call {what} {again}")
    if _CANCELLED.search(text):
        how = _HOW_CANCELLED.search(text)
        return ClusterError(
            f"{what}: its Spark job was cancelled ({how[0] if how else 'interrupted'}); call {what} {again}"
        )
    return None


@contextmanager
def session_errors(spark: SparkSession, what: str) -> Iterator[None]:
    """Translates the errors of a session that is stopped, of cancelled jobs, and those that the user can mend; others stay
    as they are, for the user's own query may be at fault."""
    try:
        yield
    except DeepNetError:
        raise
    except Exception as error:
        known = ended_session(error, spark, what) or user_error(str(error))
        if known is None:
            raise
        _log.debug("%s ended", what, exc_info=error)
        raise known from None


def _is_stopped(spark: SparkSession) -> bool:
    try:
        return dialect_of(spark).is_stopped()
    except Exception:  # a session so far gone that it does not say
        return False


def warn_of_retries(spark: SparkSession, measures: dict[str, Any], job: str) -> None:
    """Warn where Spark has run a job again, if the session can say; measures: of one of its ranks."""
    failed = failed_tasks(spark, measures["stage"], attempts_back=1)
    if failed:
        why = sentence(first_of(failed), spark, job)
        _log.warning("fit: job %d was run again: %s", measures["job"], why)
