"""The tasks of a stage that failed, where the session can say."""

from __future__ import annotations

import logging
from typing import NamedTuple

from pyspark.sql import SparkSession

from spark_deepnet.spark.session.dialect import dialect_of

MAX_TASKS = 1000  # that are looked at
_log = logging.getLogger(__name__)


class FailedTask(NamedTuple):
    """A task that failed by itself: those that Spark ended because of another are not."""

    rank: int
    host: str
    reason: str


def failed_tasks(spark: SparkSession, stage: int, attempts_back: int = 0) -> list[FailedTask]:
    """Those of the stage's last attempt, or of an earlier one; none where the session keeps no list that can be read."""
    try:
        store = dialect_of(spark).status_store()
        attempt = store.lastStageAttempt(stage).attemptId() - attempts_back if store is not None else -1
        if attempt < 0:
            return []
        tasks = store.taskList(stage, attempt, MAX_TASKS)
        listed = [tasks.apply(i) for i in range(tasks.size())]
        failed = [task for task in listed if task.status() == "FAILED" and task.errorMessage().isDefined()]
        return [FailedTask(task.index(), task.host(), task.errorMessage().get()) for task in failed]
    except Exception as error:  # the sentence is then without what only the JVM knows
        _log.debug("the stage's tasks cannot be listed", exc_info=error)
        return []
