"""Where a task sits in its barrier stage."""

from __future__ import annotations

from pyspark import BarrierTaskContext


def task_address(context: BarrierTaskContext) -> tuple[int, str]:
    """The task's number, and the address that Spark gives for it."""
    number = context.partitionId()
    return number, context.getTaskInfos()[number].address.rpartition(":")[0].strip("[]")
