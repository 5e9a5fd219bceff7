"""How many cores Spark gives the running task."""

from __future__ import annotations

from pyspark import TaskContext


def task_cpus() -> int:
    """``spark.task.cpus``, as the executor has it; 1 outside of tasks."""
    context = TaskContext.get()
    return max(1, context.cpus()) if context is not None else 1
