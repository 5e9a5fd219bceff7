"""Bytes of memory for a worker's Python, and for its rows, by the session's settings. The driver decides them, so that
all attempts of a task agree."""

from __future__ import annotations

import os
import re
from pathlib import Path

from spark_deepnet.spark.session.settings import Settings, bytes_of, number

MIB = 1 << 20
CONTAINER_MASTERS = ("yarn", "k8s")
"""Masters that kill an executor whose Python takes more than the memory overhead."""
OVERHEAD_FACTOR, MIN_OVERHEAD_BYTES = 0.1, 384 * MIB  # Spark's own defaults
HEAP = "1g"  # Spark's own default, of the driver and of an executor


def worker_memory(settings: Settings, slots: int | None, machine: int | None) -> int | None:
    """Bytes that the Python of one task may take; None where nothing says.

    An executor's tasks share its spark.executor.pyspark.memory, else its spark.executor.memoryOverhead where that is set
    or where YARN or Kubernetes holds executors to the default. On a local master the tasks share what the driver leaves
    of the ``machine``'s bytes.
    """
    master = settings.get("spark.master", "")
    limit = settings.get("spark.executor.pyspark.memory") or settings.get("spark.executor.memoryOverhead")
    if limit:
        return bytes_of(limit) // _tasks_per_executor(settings, slots)
    if master.startswith("local"):
        driver = bytes_of(settings.get("spark.driver.memory") or HEAP)
        return None if machine is None else max(0, machine - driver) // (slots or 1)
    if master.startswith(CONTAINER_MASTERS):
        factor = float(settings.get("spark.executor.memoryOverheadFactor") or OVERHEAD_FACTOR)
        overhead = max(MIN_OVERHEAD_BYTES, int(factor * _heap(settings)))
        return overhead // _tasks_per_executor(settings, slots)
    return None


def heap_per_task(settings: Settings, slots: int | None) -> int:
    """Bytes of an executor's heap for each of its tasks."""
    return _heap(settings) // _tasks_per_executor(settings, slots)


def _heap(settings: Settings) -> int:
    return bytes_of(settings.get("spark.executor.memory") or HEAP)


def _tasks_per_executor(settings: Settings, slots: int | None) -> int:
    """Tasks that run in an executor at once."""
    master = settings.get("spark.master", "")
    if master.startswith("local") and not master.startswith("local-cluster"):
        return slots or os.cpu_count() or 1
    default = 1 if master.startswith(CONTAINER_MASTERS) else os.cpu_count() or 1
    match = re.match(r"local-cluster\[.*?,\s*(\d+)", master)
    cores = int(match[1]) if match else number(settings, "spark.executor.cores", default)
    return max(1, cores // number(settings, "spark.task.cpus", 1))


def memory_of_machine(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Bytes that this machine has, or that its container is allowed."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    allowed = limit.read_text(encoding="ascii").strip() if limit.is_file() else ""
    return min(physical, int(allowed)) if allowed.isdigit() else physical
