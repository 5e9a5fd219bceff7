"""Ctrl-C: what the driver gives up ends on the executors too."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)


@contextmanager
def stopped_with_us(spark: SparkSession) -> Iterator[None]:
    """Spark's jobs of this block end with it where it is interrupted; on classic and on Connect alike."""
    tag = f"spark_deepnet-{uuid.uuid4().hex}"
    spark.addTag(tag)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        _log.warning("fit: interrupted; its Spark job is stopped")
        with suppress(Exception):  # of a session that ends with the driver
            spark.interruptTag(tag)
        raise
    finally:
        with suppress(Exception):
            spark.removeTag(tag)
