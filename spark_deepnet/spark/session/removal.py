"""Removing files and folders on any filesystem that Spark knows."""

from __future__ import annotations

import logging
import time

from pyspark.sql import SparkSession

from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.paths import exists

SETTLING_SECONDS = 0.5
"""After which files of a failed job's other tasks are looked for again."""
MAX_REMOVALS = 20
_log = logging.getLogger(__name__)


def remove_folder(spark: SparkSession, path: str) -> None:
    """Remove a folder or a file, if there is one."""
    dialect_of(spark).remove_folder(path)


def remove_unfinished(spark: SparkSession, path: str) -> None:
    """Remove what a failed job has written. Its other tasks are killed but may write for a moment more, and create the
    folder again: it is removed until it stays gone."""
    absences = 0
    for _ in range(MAX_REMOVALS):
        remove_folder(spark, path)
        time.sleep(SETTLING_SECONDS)
        absences = 0 if exists(spark, path) else absences + 1
        if absences == 2:
            return


def try_remove(spark: SparkSession, path: str, what: str = "fit") -> None:
    """Remove a path, or warn: a fit is not lost for a file that stays."""
    try:
        remove_folder(spark, path)
    except Exception as error:
        _log.warning("%s: %s could not be removed: %s", what, path, deepest_cause(error))
