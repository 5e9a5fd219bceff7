"""A fit leaves the session as it was, and ends on the executors too where it is interrupted."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pyspark.sql import SparkSession, is_remote

_log = logging.getLogger(__name__)


@contextmanager
def stopped_with_us(spark: SparkSession) -> Iterator[None]:
    """Spark's jobs of this block end with it where it is interrupted.

    On a classic session the jobs bear a tag of the SparkContext: those of the SparkSession stay in its state, with which
    no closure over a session is serializable any more, so that MLlib's estimators fail; and they belong to a thread of
    the JVM, which Ctrl-C leaves for another.
    """
    tag = f"spark_deepnet-{uuid.uuid4().hex}"
    if is_remote():
        add, cancel, remove = spark.addTag, spark.interruptTag, spark.removeTag
    else:
        context = spark.sparkContext
        add, cancel, remove = context.addJobTag, context.cancelJobsWithTag, context.removeJobTag
    add(tag)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        _log.warning("fit: interrupted; its Spark job is stopped")
        with suppress(Exception):  # of a session that ends with the driver
            cancel(tag)
        raise
    finally:
        with suppress(Exception):
            remove(tag)


@contextmanager
def same_properties(spark: SparkSession) -> Iterator[None]:
    """The thread's local properties (job group, pool, tags) after this block are those before it: Spark's shuffles add
    to them, and Ctrl-C loses them all with the JVM's thread."""
    if is_remote():
        yield
        return
    before = _properties(spark)
    try:
        yield
    finally:
        with suppress(Exception):  # of a session that has ended
            for name, value in (dict.fromkeys(_properties(spark)) | before).items():
                spark.sparkContext.setLocalProperty(name, value)


def _properties(spark: SparkSession) -> dict[str, str]:
    context = spark.sparkContext
    return dict(context._jsc.sc().getLocalProperties())  # type: ignore[attr-defined]
