"""Barrier jobs planned whole.

Adaptive execution submits stage by stage. Where an executor dies before the barrier's turn has come, Spark 4.1 refuses
that stage for want of slots, cancels a job that it never registered, and stops the SparkContext (DAGScheduler.
handleJobCancellation: key not found). Planned whole, the stage waits for another executor. Connect plans on its server,
whose settings it would be for the time of a job, so sessions there go on stage by stage.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession, is_remote

ADAPTIVE = "spark.sql.adaptive.enabled"
_lock = threading.Lock()
_within: dict[int, tuple[int, str | None]] = {}
"""Session -> how many threads are within, and its own setting; None where it has the default."""


def planned(frame: DataFrame) -> DataFrame:
    """The frame, which from now on has its plan; the session has its own setting back."""
    with whole_plans(frame.sparkSession):
        if not is_remote():
            frame._jdf.queryExecution().executedPlan()
    return frame


@contextmanager
def whole_plans(spark: SparkSession) -> Iterator[None]:
    """What is planned within, by any thread, is planned whole."""
    if is_remote():
        yield
        return
    key = hash(spark._jsparkSession)
    with _lock:
        count, own = _within.get(key) or (0, _own(spark))
        _within[key] = count + 1, own
        spark.conf.set(ADAPTIVE, "false")
    try:
        yield
    finally:
        with _lock:
            count, own = _within.pop(key)
            if count > 1:
                _within[key] = count - 1, own
            elif own is None:
                spark.conf.unset(ADAPTIVE)
            else:
                spark.conf.set(ADAPTIVE, own)


def _own(spark: SparkSession) -> str | None:
    """What the session sets."""
    is_set = spark._jsparkSession.sessionState().conf().contains(ADAPTIVE)
    return str(spark.conf.get(ADAPTIVE)) if is_set else None
