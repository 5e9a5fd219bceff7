"""What a session can run, read once at the start of a fit, a plan or a transform."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pyspark.sql import SparkSession

from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.memory import MIB, heap_per_task, worker_memory
from spark_deepnet.spark.session.settings import Settings, configured_slots, is_true, number

ANY_SLOTS = 1 << 16
"""More slots than a cluster has; Spark's default for the most executors is the largest int."""
ROWS_DIVISOR = 2
"""Rows get this part of a worker's memory; the rest is for Python, weights, a step's values and frames as they come."""
_ENCRYPTION = ("spark.ssl.rpc.enabled", "spark.network.crypto.enabled", "spark.authenticate.enableSaslEncryption")
"""Each encrypts the connections of Spark's processes; the last two are refused without spark.authenticate."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cluster:
    """The facts of a session that decide how work is divided."""

    master: str = ""
    """Spark's URL of the cluster manager, such as "local[4]"; empty where the session does not say."""
    slots: int | None = None
    """Tasks that could run at once when the session was asked; None where it does not say."""
    configured_slots: int | None = None
    """The same by the settings alone: of a local master or a fixed number of executors."""
    elastic_slots: int | None = None
    """Slots of the most executors that dynamic allocation may start; None where there is no such number."""
    dynamic_allocation: bool = False
    """Whether executors come and go, under which Spark refuses a barrier."""
    task_cpus: int = 1
    """Cores that Spark gives a task."""
    worker_memory: int | None = None
    """Bytes that the Python of one task may take; None where nothing says."""
    heap_per_task: int = 1 << 30
    """Bytes of an executor's heap for each of its tasks."""
    encrypted: bool = False
    """Whether the connections of Spark's own processes are encrypted."""
    driver_host: str = ""
    console_bar: bool = False
    """Whether Spark draws the progress of its stages on the terminal."""

    @staticmethod
    def of(spark: SparkSession) -> Cluster:
        settings, dialect = settings_of(spark), dialect_of(spark)
        return Cluster.from_settings(settings, dialect.slots(configured_slots(settings)), dialect.machine_memory())

    @staticmethod
    def from_settings(settings: Settings, slots: int | None = None, machine: int | None = None) -> Cluster:
        """slots: tasks that can run at once now; machine: bytes of the machine that a local master runs on."""
        configured = configured_slots(settings)
        expected = configured or slots  # memory must not depend on how many executors have registered
        return Cluster(
            master=settings.get("spark.master", ""),
            slots=slots,
            configured_slots=configured,
            elastic_slots=_elastic_slots(settings),
            dynamic_allocation=is_true(settings, "spark.dynamicAllocation.enabled"),
            task_cpus=max(1, number(settings, "spark.task.cpus", 1)),
            worker_memory=worker_memory(settings, expected, machine),
            heap_per_task=heap_per_task(settings, expected),
            encrypted=any(is_true(settings, key) for key in _ENCRYPTION),
            driver_host=settings.get("spark.driver.host", ""),
            console_bar=is_true(settings, "spark.ui.showConsoleProgress"),
        )

    @property
    def promised_slots(self) -> int:
        """Slots that the session may come to have while its executors register; 0: no more than now."""
        return self.configured_slots or (0 if self.master.startswith("local") else ANY_SLOTS)

    @property
    def one_jvm(self) -> bool:
        """Whether all tasks run in the driver's own JVM."""
        return self.master.startswith("local[")

    def row_memory(self, limit_mib: int) -> int:
        """Bytes of rows that a worker keeps in memory: the limit, or where that is 0 half of what its Python may take, and
        where nobody says that, half of what the JVM has for a task."""
        return limit_mib * MIB or (self.worker_memory or self.heap_per_task) // ROWS_DIVISOR


def settings_of(spark: SparkSession) -> dict[str, str]:
    """All that is set in the session or its cluster, in one request; defaults of Spark are not among them."""
    try:
        return dialect_of(spark).settings()
    except Exception as error:  # a Connect server may refuse to list them
        _log.debug("the session's settings cannot be read", exc_info=error)
        return {}


def _elastic_slots(settings: Settings) -> int | None:
    executors = settings.get("spark.dynamicAllocation.maxExecutors", "")
    if (
        not executors.isdigit()
        or int(executors) >= ANY_SLOTS
        or not is_true(settings, "spark.dynamicAllocation.enabled")
    ):
        return None
    cores = number(settings, "spark.executor.cores", 1) // number(settings, "spark.task.cpus", 1)
    return max(1, int(executors) * cores)
