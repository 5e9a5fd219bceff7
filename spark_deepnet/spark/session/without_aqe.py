"""Barrier jobs planned whole.

Adaptive execution submits stage by stage. Where an executor dies before the barrier's turn has come, Spark 4.1 refuses
that stage for want of slots, cancels a job that it never registered, and stops the SparkContext (DAGScheduler.
handleJobCancellation: key not found). Planned whole, the stage waits for another executor. A Connect server plans a query
when it runs, so that the setting would hold for the whole job; sessions there keep adaptive execution.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.spark.session.dialect import dialect_of

ADAPTIVE = "spark.sql.adaptive.enabled"
_lock = threading.Lock()
_active: dict[int, tuple[int, str | None]] = {}
"""Session -> how many threads plan without it, and the session's own setting; None where it has the default."""


def planned(frame: DataFrame) -> DataFrame:
    """The frame, which from now on has its plan; the session has its own setting back."""
    with without_aqe(frame.sparkSession):
        dialect_of(frame.sparkSession).plan(frame)
    return frame


@contextmanager
def without_aqe(spark: SparkSession) -> Iterator[None]:
    """What any thread plans within is planned whole."""
    dialect = dialect_of(spark)
    if not dialect.plans_here:
        yield
        return
    key = dialect.session_key()
    with _lock:
        count, own = _active.get(key) or (0, dialect.own_setting(ADAPTIVE))
        _active[key] = count + 1, own
        spark.conf.set(ADAPTIVE, "false")
    try:
        yield
    finally:
        with _lock:
            count, own = _active.pop(key)
            if count > 1:
                _active[key] = count - 1, own
            elif own is None:
                spark.conf.unset(ADAPTIVE)
            else:
                spark.conf.set(ADAPTIVE, own)
