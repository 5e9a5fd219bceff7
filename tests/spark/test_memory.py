"""How many rows workers keep in memory, and rows that are spilled, in Spark."""

from __future__ import annotations

import gc
import logging
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import functions as F

from spark_deepnet.errors import ClusterError
from spark_deepnet.spark.fit.skew import warn_of_skew
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.memory import MIB, memory_of_machine
from spark_deepnet.spark.session.settings import bytes_of
from tests.spark.data import blobs, distance, estimator, frame, same

GROWTH = 20_000
"""kB that 80 fits may add: 0.25 MB a fit."""
YARN = {"master": "yarn", "executor_cores": "4", "executor_memory": "8g"}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (YARN | {"executor_pyspark_memory": "2g"}, 256 * MIB),
        (YARN | {"executor_pyspark_memory": "2g", "task_cpus": "2"}, 512 * MIB),
        (YARN | {"executor_memoryOverhead": "1600"}, 200 * MIB),
        (YARN | {"executor_memoryOverhead": "536870912b"}, 64 * MIB),
        (YARN | {"executor_pyspark_memory": "2g", "executor_memoryOverhead": "1g"}, 256 * MIB),
        (YARN, int(0.1 * (8 << 30)) // 4 // 2),
        (YARN | {"executor_memoryOverheadFactor": "0.4"}, int(0.4 * (8 << 30)) // 4 // 2),
        (YARN | {"executor_memory": "1g"}, 48 * MIB),
        (YARN | {"master": "spark://host:7077"}, 1024 * MIB),
        ({"master": "local[*]"}, (memory_of_machine() - 1024 * MIB) // 3 // 2),
        ({"master": "local[3]", "driver_memory": "3gb"}, (memory_of_machine() - 3072 * MIB) // 3 // 2),
        ({"master": "local-cluster[3, 2, 1024]", "executor_memoryOverhead": "800m"}, 200 * MIB),
        ({"master": "local[*]", "executor_pyspark_memory": "600m"}, 100 * MIB),
    ],
)
def test_rows_get_half_of_what_a_task_has_for_python(settings: dict[str, str], found: int) -> None:
    named = {"spark." + name.replace("_", "."): value for name, value in settings.items()}
    cluster = Cluster.from_settings(named, slots=3, machine=memory_of_machine())
    assert cluster.row_memory(0) == found
    assert cluster.row_memory(5) == 5 * MIB
    memory = cluster.worker_memory
    assert memory is None if "spark://" in settings["master"] else memory in (2 * found, 2 * found + 1)


def test_memory_does_not_depend_on_the_executors_that_have_registered() -> None:
    early, late = (
        Cluster.from_settings({"spark.master": "local-cluster[3,1,1024]"}, slots, 8 << 30) for slots in (1, 3)
    )
    assert early.row_memory(0) == late.row_memory(0) == (7 << 30) // 3 // 2


def test_memory_of_a_container(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    machine = memory_of_machine(limit)
    assert machine > 100 * MIB
    for told, found in (("max", machine), (str(50 * MIB), 50 * MIB), (str(1 << 60), machine)):
        limit.write_text(told + "\n")
        assert memory_of_machine(limit) == found


SIZES = {"3": 3 * MIB, "512m": 512 * MIB, "2g": 2 << 30, "10 KB": 10240, "1Tb": 1 << 40, "536870912b": 512 * MIB}


@pytest.mark.parametrize(("told", "found"), SIZES.items())
def test_spark_words_for_sizes(told: str, found: int) -> None:
    assert bytes_of(told) == found


@pytest.mark.parametrize("told", ["", "much", "1.5g", "10 bk", "4bb", "4 cats"])
def test_what_is_no_size_is_told(told: str) -> None:
    with pytest.raises(ClusterError, match=f"found {told!r}$"):
        bytes_of(told)


def test_unequal_workers_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    def told(*rows: int) -> str:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            warn_of_skew([{"rank": rank, "ownRows": n} for rank, n in enumerate(rows)])
        return caplog.text

    assert "worker 1 has 9,000 rows, 2.7 times the mean" in told(500, 9000, 500)
    assert told(300, 400, 300) == told(7) == told(0, 3, 0, 1) == told() == ""


@pytest.fixture(scope="module")
def wide(spark: Any) -> Any:
    """3 MB of rows, of which all but one lie in one of three partitions."""
    row = F.transform(F.sequence(F.lit(1), F.lit(300)), lambda i: F.sin(i * (F.col("id") + 1)).cast("float"))
    df = spark.range(2400).repartitionByRange(3, F.greatest("id", F.lit(2398)))
    return df.select(row.alias("features"), (F.col("id") % 3).cast("double").alias("label")).cache()


def net(**params: Any) -> Any:
    return estimator(**{"layers": [300, 5, 3], "numTrainWorkers": 2} | params)


def test_spilled_rows_train_like_those_in_memory(wide: Any) -> None:
    all_at_once = net(batchSize=5000, solver="momentum")
    held, spilled = (all_at_once.copy({all_at_once.maxMemoryInMB: limit}).fit(wide) for limit in (100, 1))
    assert held.summary.spilledBytes == 0 < 1 << 20 < spilled.summary.spilledBytes
    assert distance(spilled, held) < 1e-4
    assert sum(spilled.summary.rowsByRank) == 2400
    assert max(spilled.summary.rowsByRank) < 1.2 * 1200


def test_spilled_rows_give_the_same_weights_in_any_order_and_in_many_jobs(wide: Any) -> None:
    spilled = net(maxMemoryInMB=1, batchSize=600, maxIter=1)
    first = spilled.fit(wide)
    assert same(spilled.copy({spilled.jobSeconds: 0.0}).fit(wide.orderBy(F.rand(1))), first)


def test_rounds_spill_too(wide: Any) -> None:
    rounds = net(maxMemoryInMB=1, exchange="spark", syncEvery=100, maxIter=1).fit(wide)
    assert rounds.summary.spilledBytes > 1 << 20


@pytest.mark.slow
def test_a_hundred_fits_take_no_more_memory_than_twenty(spark: Any) -> None:
    """Neither the driver's Python nor the workers', which Spark uses again."""

    def kilobytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4

    def told(frames: Any) -> Any:
        for _ in frames:
            time.sleep(0.3)  # so that every worker gets a task
            yield pd.DataFrame({"kb": [kilobytes()]})

    small, found = frame(spark, *blobs(90)).cache(), []
    for fits in (20, 80):
        for seed in range(fits):
            estimator(numTrainWorkers=2, maxIter=1, seed=seed).fit(small).transform(small).collect()
        gc.collect()
        workers = spark.range(0, 8, 1, 8).mapInPandas(told, "kb long").collect()
        found.append((kilobytes(), max(row["kb"] for row in workers)))
    (driver, worker), (driver_later, worker_later) = found
    said = f"kB of driver and workers, after 20 and after 100 fits: {found}"
    assert driver_later - driver < GROWTH, said
    assert worker_later - worker < GROWTH, said
