"""How many bytes of rows a worker keeps in memory, where nobody says: told on the driver, so that all runs of a task
agree."""

from __future__ import annotations

import os
from pathlib import Path

from pyspark.sql import SparkSession

from spark_deepnet.spark.cluster import bytes_of, conf, slots_of

MIB = 1 << 20
SHARE = 2
"""Rows get one part of so many: the rest is for Python, weights, a step's values, and frames as they come."""
CONTAINERS = ("yarn", "k8s")
"""Masters that end an executor whose Python takes more than the overhead."""
OVERHEAD, LEAST = 0.1, 384 * MIB  # Spark's own defaults


def row_memory(spark: SparkSession, asked: int) -> int:
    """Bytes: as many MiB as asked, else half of what an executor has for Python, shared by its tasks:
    spark.executor.pyspark.memory where it is set; on a local master the machine's memory; spark.executor.memoryOverhead
    where it is set, or where YARN or Kubernetes holds an executor to its default; elsewhere as much as the heap."""
    return asked * MIB if asked else _for_python(spark) // _tasks(spark) // SHARE


def _for_python(spark: SparkSession) -> int:
    """Bytes that an executor has for Python."""
    master, heap = conf(spark, "spark.master"), conf(spark, "spark.executor.memory", "1g")
    told = conf(spark, "spark.executor.pyspark.memory")
    if not told and master.startswith("local"):
        return memory_of_machine()
    told = told or conf(spark, "spark.executor.memoryOverhead")
    if told:
        return bytes_of(told)
    if master.startswith(CONTAINERS):
        factor = float(conf(spark, "spark.executor.memoryOverheadFactor", str(OVERHEAD)))
        return max(LEAST, int(factor * bytes_of(heap)))
    return bytes_of(heap)


def _tasks(spark: SparkSession) -> int:
    """Of an executor at once; on a local master of all executors, which share the machine."""
    if conf(spark, "spark.master").startswith("local"):
        return slots_of(spark) or os.cpu_count() or 1
    cores = int(conf(spark, "spark.executor.cores") or os.cpu_count() or 1)
    return max(1, cores // int(conf(spark, "spark.task.cpus", "1")))


def memory_of_machine(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Bytes that it has, or that its container is allowed."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = limit.read_text(encoding="ascii").strip() if limit.is_file() else ""
    return min(found, int(told)) if told.isdigit() else found
