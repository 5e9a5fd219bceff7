"""How many workers a fit gets, of clusters made by hand."""

from __future__ import annotations

import pytest

from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.workers import in_rounds, partitions_for

ELASTIC = {"spark.dynamicAllocation.enabled": "true", "spark.executor.cores": "4", "spark.task.cpus": "2"}
MOST = "spark.dynamicAllocation.maxExecutors"


@pytest.mark.parametrize(
    ("cluster", "wanted", "partitions"),
    [
        (Cluster(slots=4), 0, 4),
        (Cluster(slots=4), 9, 9),
        (Cluster(), 0, 1),
        (Cluster(slots=2, elastic_slots=8), 0, 8),
        (Cluster.from_settings(ELASTIC | {MOST: "3"}, slots=2), 0, 6),
        (Cluster.from_settings(ELASTIC | {MOST: str(2**31 - 1)}, slots=2), 0, 2),
        (Cluster.from_settings({MOST: "3"}, slots=2), 0, 2),
    ],
)
def test_partitions_are_as_many_as_slots_that_may_come(cluster: Cluster, wanted: int, partitions: int) -> None:
    assert partitions_for(cluster, wanted) == partitions


@pytest.mark.parametrize(
    ("dynamic", "exchange", "rounds"),
    [(False, "auto", False), (True, "auto", True), (False, "spark", True), (True, "sockets", False)],
)
def test_rounds_are_taken_as_set_or_where_executors_come_and_go(dynamic: bool, exchange: str, rounds: bool) -> None:
    assert in_rounds(Cluster(dynamic_allocation=dynamic), exchange) == rounds


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"spark.master": "local[3]"}, (3, 3, True)),
        ({"spark.master": "local[*]"}, (None, 0, True)),
        ({"spark.master": "local-cluster[3,2,1024]"}, (6, 6, False)),
        ({"spark.master": "yarn"}, (None, 1 << 16, False)),
        ({}, (None, 1 << 16, False)),
    ],
)
def test_slots_by_the_settings(settings: dict[str, str], expected: tuple[int | None, int, bool]) -> None:
    cluster = Cluster.from_settings(settings)
    assert (cluster.configured_slots, cluster.promised_slots, cluster.one_jvm) == expected
