"""A fit that is interrupted ends on the executors too, and leaves the session as it was."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pyspark.sql import SparkSession

from spark_deepnet.spark.session.dialect import dialect_of

_log = logging.getLogger(__name__)


@contextmanager
def cancel_jobs_on_interrupt(spark: SparkSession) -> Iterator[str]:
    """Spark's jobs of this block are cancelled where it is interrupted. They bear a tag, which is returned, for they belong
    to a thread of the JVM, which Ctrl-C leaves for another."""
    tag, dialect = f"spark_deepnet-{uuid.uuid4().hex}", dialect_of(spark)
    dialect.add_tag(tag)
    try:
        yield tag
    except (KeyboardInterrupt, SystemExit):
        _log.warning("fit: interrupted; its Spark job is stopped")
        with suppress(Exception):  # of a session that ends with the driver
            dialect.cancel_tag(tag)
        raise
    finally:
        with suppress(Exception):
            dialect.remove_tag(tag)


@contextmanager
def restore_properties(spark: SparkSession) -> Iterator[None]:
    """After this block the thread's local properties are those before it: Spark's shuffles add to them, and Ctrl-C loses
    them all with the JVM's thread."""
    dialect = dialect_of(spark)
    before = dialect.properties()
    try:
        yield
    finally:
        with suppress(Exception):  # of a session that has ended
            dialect.restore(before)
