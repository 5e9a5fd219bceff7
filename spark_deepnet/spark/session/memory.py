"""How many bytes a worker's Python may take, and its rows in memory: told on the driver, so that all runs of a task
agree."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyspark.sql import SparkSession, is_remote

from spark_deepnet.spark.session.cluster import bytes_of, conf, slots_of

MIB = 1 << 20
SHARE = 2
"""Rows get one part of so many: the rest is for Python, weights, a step's values, and frames as they come."""
CONTAINERS = ("yarn", "k8s")
"""Masters that end an executor whose Python takes more than the overhead."""
OVERHEAD, LEAST = 0.1, 384 * MIB  # Spark's own defaults
HEAP = "1g"


def row_memory(spark: SparkSession, asked: int) -> int:
    """Bytes: as many MiB as asked, else half of what a worker may take; where nobody tells, of as much as the heap."""
    if asked:
        return asked * MIB
    told = worker_memory(spark)
    return (told or bytes_of(conf(spark, "spark.executor.memory", HEAP)) // _tasks(spark)) // SHARE


def worker_memory(spark: SparkSession) -> int | None:
    """Bytes that the Python of one task may take: an executor's spark.executor.pyspark.memory, else its
    spark.executor.memoryOverhead where it is set, or where YARN or Kubernetes holds it to the default, shared by its
    tasks; on a local master what the driver leaves of the machine's memory; None where nobody tells."""
    master = conf(spark, "spark.master")
    told = conf(spark, "spark.executor.pyspark.memory") or conf(spark, "spark.executor.memoryOverhead")
    if told:
        return bytes_of(told) // _tasks(spark)
    if master.startswith("local"):
        driver = bytes_of(conf(spark, "spark.driver.memory", HEAP))
        return None if is_remote() else max(0, memory_of_machine() - driver) // (slots_of(spark) or 1)
    if master.startswith(CONTAINERS):
        factor = float(conf(spark, "spark.executor.memoryOverheadFactor", str(OVERHEAD)))
        return max(LEAST, int(factor * bytes_of(conf(spark, "spark.executor.memory", HEAP)))) // _tasks(spark)
    return None


def _tasks(spark: SparkSession) -> int:
    """Of an executor at once."""
    master = conf(spark, "spark.master")
    if master.startswith("local") and not master.startswith("local-cluster"):
        return slots_of(spark) or os.cpu_count() or 1
    told = re.match(r"local-cluster\[.*?,\s*(\d+)", master)
    default = 1 if master.startswith(CONTAINERS) else os.cpu_count() or 1
    cores = int(told[1] if told else conf(spark, "spark.executor.cores", str(default)))
    return max(1, cores // int(conf(spark, "spark.task.cpus", "1")))


def memory_of_machine(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Bytes that it has, or that its container is allowed."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = limit.read_text(encoding="ascii").strip() if limit.is_file() else ""
    return min(found, int(told)) if told.isdigit() else found
