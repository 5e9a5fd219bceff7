"""What became of a stage's tasks, where the session tells it: on classic Spark."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from pyspark.sql import SparkSession, is_remote

MOST = 1000  # tasks that are looked at
_log = logging.getLogger(__name__)


class Failed(NamedTuple):
    """A task that failed by itself: those that Spark ended because of another are not."""

    rank: int
    host: str
    reason: str


def failed_tasks(spark: SparkSession, stage: int, before: int = 0) -> list[Failed]:
    """Of the stage's last attempt, or so many before it; none over Connect, which does not tell."""
    if is_remote():
        return []
    try:
        context: Any = spark.sparkContext
        store = context._jsc.sc().statusStore()
        attempt = store.lastStageAttempt(stage).attemptId() - before
        tasks = store.taskList(stage, attempt, MOST) if attempt >= 0 else None
        found = [tasks.apply(i) for i in range(tasks.size())] if tasks is not None else []
        failed = [task for task in found if task.status() == "FAILED" and task.errorMessage().isDefined()]
        return [Failed(task.index(), task.host(), task.errorMessage().get()) for task in failed]
    except Exception as error:  # the sentence is then without what only the JVM knows
        _log.debug("the stage's tasks are not told", exc_info=error)
        return []
