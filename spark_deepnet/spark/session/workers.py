"""How many workers a fit gets. What cannot run is refused before a job waits for slots in silence."""

from __future__ import annotations

import logging
import time

from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of

REGISTRATION_SECONDS = 30.0
"""As spark.scheduler.maxRegisteredResourcesWaitingTime has them."""
_log = logging.getLogger(__name__)


def in_rounds(cluster: Cluster, exchange: str) -> bool:
    """Whether the fit goes in rounds of ordinary jobs: as the Param says, or where the session refuses a barrier."""
    if exchange == "auto" and cluster.dynamic_allocation:
        _log.warning(
            "fit: spark.dynamicAllocation.enabled is true, so weights are exchanged by Spark jobs, not sockets"
        )
        return True
    return exchange == "spark"


def workers_for(spark: SparkSession, cluster: Cluster, wanted: int, blocks: int) -> int:
    """The number of ranks that run at once: as many as wanted, or where that is 0 one for each slot, in whole replicas of
    ``blocks`` ranks."""
    if wanted % blocks:
        raise ClusterError(
            f"numTrainWorkers: {wanted} workers do not divide into replicas of modelBlocks={blocks}; ask for a multiple"
        )
    if cluster.dynamic_allocation:
        raise ClusterError(
            "spark.dynamicAllocation.enabled is true, but all workers of a fit must run at once (Spark's barrier mode "
            "refuses dynamic allocation); set it to false for this application, or exchange to 'spark'"
        )
    slots = wait_for_slots(spark, cluster, max(wanted, blocks))
    if wanted and slots is not None and wanted > slots:
        raise ClusterError(
            f"numTrainWorkers: {wanted} workers must run at once, but the cluster has {slots} slots; ask for at most "
            f"{slots}, add cores or executors, or set exchange to 'spark'"
        )
    if slots is not None and slots < blocks:
        raise ClusterError(f"modelBlocks: {blocks} blocks must run at once, but the cluster has {slots} slots")
    return wanted or (slots or blocks) // blocks * blocks


def partitions_for(cluster: Cluster, wanted: int) -> int:
    """The number of partitions that train by themselves: as many as wanted, or one for each slot, those among them that
    dynamic allocation may add."""
    return wanted or cluster.elastic_slots or cluster.slots or 1


def wait_for_slots(spark: SparkSession, cluster: Cluster, wanted: int) -> int | None:
    """The slots once there are as many as wanted, or once executors have had time to come: they register one by one when
    a session starts, and when one has died."""
    end = time.monotonic() + REGISTRATION_SECONDS
    while (slots := slots_now(spark, cluster)) is not None and slots < wanted <= cluster.promised_slots:
        if time.monotonic() >= end:
            break
        time.sleep(0.2)
    return slots


def slots_now(spark: SparkSession, cluster: Cluster) -> int | None:
    """The cluster's slots, read again."""
    return dialect_of(spark).slots(cluster.configured_slots)
