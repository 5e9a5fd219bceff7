"""What became of a stage's tasks, where the session tells it: on classic Spark."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from pyspark.sql import SparkSession, is_remote

MOST = 1000  # tasks that are looked at
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Failed(NamedTuple):
    """A task that failed by itself: those that Spark ended because of another are not."""

    rank: int
    host: str
    reason: str


def attempts_before(spark: SparkSession, stage: int) -> int:
    """How often Spark has run the stage before its last attempt; 0 where the session does not tell."""
    return 0 if is_remote() else _told(lambda: int(_store(spark).lastStageAttempt(stage).attemptId()), 0)


def failed_tasks(spark: SparkSession, stage: int, attempt: int | None = None) -> list[Failed]:
    """Of this attempt of the stage, or its last; none over Connect, which does not tell."""
    return [] if is_remote() else _told(lambda: _failed(_store(spark), stage, attempt), [])


def _failed(store: Any, stage: int, attempt: int | None) -> list[Failed]:
    last = store.lastStageAttempt(stage).attemptId() if attempt is None else attempt
    tasks = store.taskList(stage, last, MOST)
    found = [tasks.apply(i) for i in range(tasks.size())]
    failed = [task for task in found if task.status() == "FAILED" and task.errorMessage().isDefined()]
    return [Failed(task.index(), task.host(), task.errorMessage().get()) for task in failed]


def _store(spark: SparkSession) -> Any:
    context: Any = spark.sparkContext
    return context._jsc.sc().statusStore()


def _told(ask: Callable[[], T], unknown: T) -> T:
    try:
        return ask()
    except Exception as error:  # the sentence is then without what only the JVM knows
        _log.debug("the stage's tasks are not told", exc_info=error)
        return unknown
