"""What a session can run: slots, barrier, the workers' Python; refused before a job waits in silence."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from typing import Any

from pyspark.sql import SparkSession, is_remote

from spark_deepnet.errors import ClusterError

UNBOUNDED = 1 << 16  # executors: Spark's own default is the largest int
REGISTERED = 30.0
"""Seconds, as spark.scheduler.maxRegisteredResourcesWaitingTime has them."""
_log = logging.getLogger(__name__)


def conf(spark: SparkSession, key: str, default: str = "") -> str:
    """A setting of the session or its cluster; the default where the session does not tell it."""
    try:
        return str(spark.conf.get(key, default) or default)
    except Exception:  # Connect refuses some keys, each with an error of its own
        return default


def elastic(spark: SparkSession) -> bool:
    """Whether executors come and go, under which Spark refuses a barrier."""
    return conf(spark, "spark.dynamicAllocation.enabled").lower() == "true"


def without_barrier(spark: SparkSession, exchange: str) -> bool:
    """Whether the fit goes in rounds of ordinary jobs: as asked, or where the session refuses a barrier."""
    if exchange == "auto" and elastic(spark):
        _log.warning(
            "fit: spark.dynamicAllocation.enabled is true, so weights are exchanged by Spark jobs, not sockets"
        )
        return True
    return exchange == "spark"


def workers_for(spark: SparkSession, asked: int, blocks: int) -> int:
    """The number of ranks that run at once: as asked, or one a slot, in whole replicas of so many blocks."""
    if asked % blocks:
        raise ClusterError(
            f"numTrainWorkers: {asked} workers do not divide into replicas of modelBlocks={blocks}; ask for a multiple"
        )
    if elastic(spark):
        raise ClusterError(
            "spark.dynamicAllocation.enabled is true, but all workers of a fit must run at once (Spark's barrier mode "
            "refuses dynamic allocation); set it to false for this application, or exchange to 'spark'"
        )
    slots = _slots_for(spark, max(asked, blocks))
    if asked and slots is not None and asked > slots:
        raise ClusterError(
            f"numTrainWorkers: {asked} workers must run at once, but the cluster has {slots} slots; ask for at most "
            f"{slots}, add cores or executors, or set exchange to 'spark'"
        )
    if slots is not None and slots < blocks:
        raise ClusterError(f"modelBlocks: {blocks} blocks must run at once, but the cluster has {slots} slots")
    return asked or (slots or blocks) // blocks * blocks


def partitions_for(spark: SparkSession, asked: int) -> int:
    """The number of partitions that step alone: as asked, or one for each slot that there is, or that may come."""
    most = conf(spark, "spark.dynamicAllocation.maxExecutors")
    if asked or not (elastic(spark) and most.isdigit() and int(most) < UNBOUNDED):
        return asked or slots_of(spark) or 1
    cores = int(conf(spark, "spark.executor.cores", "1")) // int(conf(spark, "spark.task.cpus", "1"))
    return max(1, int(most) * cores)


def slots_of(spark: SparkSession) -> int | None:
    """Tasks that can run at once; None where the session does not tell."""
    if is_remote():
        return _slots_by_settings(spark)
    context: Any = spark.sparkContext
    jvm = context._jsc.sc()
    profile = jvm.resourceProfileManager().defaultResourceProfile()
    return int(jvm.maxNumConcurrentTasks(profile)) or None


def _slots_for(spark: SparkSession, wanted: int) -> int | None:
    """As slots_of, once so many are there, or have had time to come: executors register one by one when a session
    starts, and when one has died."""
    end = time.monotonic() + REGISTERED
    while (found := slots_of(spark)) is not None and found < wanted <= _promised(spark) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def _promised(spark: SparkSession) -> int:
    """Slots that the session may come to have."""
    told = _slots_by_settings(spark)
    return told or (0 if conf(spark, "spark.master").startswith("local") else UNBOUNDED)


def _slots_by_settings(spark: SparkSession) -> int | None:
    """Of a local master or a fixed number of executors."""
    tasks = int(conf(spark, "spark.task.cpus", "1"))
    master = conf(spark, "spark.master")
    if match := re.fullmatch(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,.*", master):
        return int(match[1]) * (int(match[2]) // tasks)
    if match := re.fullmatch(r"local\[\s*(\d+)\s*(,.*)?\]", master):
        return int(match[1]) // tasks
    if master == "local":
        return 1
    executors, cores = conf(spark, "spark.executor.instances"), conf(spark, "spark.executor.cores")
    return int(executors) * (int(cores) // tasks) if executors and cores else None


def bytes_of(size: str) -> int:
    """Of Spark's words: 512 (MiB), 800m, 2g, 2gb, 1024b."""
    found = re.fullmatch(r"(\d+)\s*(b|[kmgtp]b?)?", size.strip().lower())
    if found is None:
        raise ClusterError(
            f"a setting of Spark's memory must be a number with b, k, m, g, t or p, as in '512m', found {size!r}"
        )
    return int(found[1]) << 10 * "bkmgtp".index((found[2] or "m")[0])


def threads_of(spark: SparkSession) -> int:
    """BLAS threads a rank: the cores that Spark gives a task."""
    return max(1, int(conf(spark, "spark.task.cpus", "1")))


def share_python(spark: SparkSession) -> None:
    """Let workers on this machine run this Python, where nobody has chosen another: the ``python3`` on PATH, which
    Spark takes, may lack the package. Workers elsewhere have paths of their own, and Connect's belong to its server."""
    if is_remote() or not conf(spark, "spark.master", spark.sparkContext.master).startswith("local"):
        return
    chosen = conf(spark, "spark.pyspark.python") or os.environ.get("PYSPARK_PYTHON")
    if not chosen and spark.sparkContext.pythonExec != sys.executable:
        spark.sparkContext.pythonExec = sys.executable
        _log.info("workers run %s, as the driver does", sys.executable)
