"""Fits over hosts with a slow network between them, which breaks in some."""

from __future__ import annotations

import json
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.link import Link
from tests.hosts.namespaces import Hosts, unavailable
from tests.hosts.spark_cluster import SparkOnHosts, spark_on

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "hosts")]
DRIVER = Path(__file__).parent / "fits.py"
SLOW = Link(delay=0.005, rate=1e8)
MAX_SECONDS = 240.0
INTO_A_JOB_SECONDS = 2.0
"""After the end of the job before: the ranks of the next make their steps then."""
OUTAGE_SECONDS = 4.0
LOST_SOON = {
    "spark_network_timeout": "20s",
    "spark_network_timeoutInterval": "5s",
    "spark_executor_heartbeatInterval": "2s",
}
"""Spark waits for an executor that it does not hear as long as this, instead of for two minutes."""
Said = dict[str, Any]


@contextmanager
def cluster(folder: Path, workers: int = 2, **options: bool) -> Iterator[tuple[Hosts, SparkOnHosts]]:
    with Hosts(workers + 1, SLOW, **options) as hosts, spark_on(hosts, folder) as spark:
        yield hosts, spark


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hosts, SparkOnHosts]]:
    with cluster(tmp_path_factory.mktemp("spark")) as both:
        yield both


def fits(
    spark: SparkOnHosts, folder: Path, *ways: str, on_line: Callable[[Said], None] = lambda line: None, **settings: str
) -> dict[str, Said]:
    """What came of the fits, by their way; ``on_line`` hears every line of the driver."""
    command = spark.command(DRIVER, ways, **settings)
    lines: queue.Queue[str | None] = queue.Queue()
    with (folder / "driver").open("w") as log:
        driver = subprocess.Popen(command, cwd=folder, env=spark.environment, stdout=subprocess.PIPE, stderr=log, text=True,
                                  start_new_session=True)  # fmt: skip
    threading.Thread(target=_read, args=(driver, lines), daemon=True).start()
    said, end = {}, time.monotonic() + MAX_SECONDS
    try:
        while (line := lines.get(timeout=max(0.0, end - time.monotonic()))) is not None:
            words = json.loads(line)
            on_line(words)
            if "way" in words:
                said[words["way"]] = words
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.wait()
    assert list(said) == list(ways), (folder / "driver").read_text()[-5000:]
    return said


def _read(driver: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert driver.stdout is not None
    with driver.stdout:
        for line in driver.stdout:
            if line.startswith("{"):
                lines.put(line)
    lines.put(None)


def test_fits_by_sockets_by_rounds_and_in_blocks(two: tuple[Hosts, SparkOnHosts], tmp_path: Path) -> None:
    hosts, spark = two
    before = hosts.counts()["arrived_bytes"]
    said = fits(spark, tmp_path, "sockets", "rounds", "blocks")
    assert all(words.get("accuracy", 0) > 0.9 and words["ranks"] == 2 for words in said.values()), said
    steps = 40 * 30
    assert said["sockets"]["seconds"] > steps * 2 * SLOW.delay, "a step waits for a round trip"
    assert hosts.counts()["arrived_bytes"] > before


def test_a_link_that_is_down_for_seconds_costs_no_more_than_them(
    two: tuple[Hosts, SparkOnHosts], tmp_path: Path
) -> None:
    hosts, spark = two
    said = fits(spark, tmp_path, "sockets", "interrupted", on_line=lambda words: _interrupt(hosts, words))
    assert "error" not in said["interrupted"], said
    assert said["interrupted"]["weights"] == said["sockets"]["weights"]
    assert hosts.counts()["lost"] > 0


def _interrupt(hosts: Hosts, words: Said) -> None:
    if words.get("job") == 0:
        time.sleep(INTO_A_JOB_SECONDS)
        hosts.down(2)
        time.sleep(OUTAGE_SECONDS)
        hosts.up(2)


def test_a_link_that_stays_down_ends_the_fit_with_a_sentence(tmp_path: Path) -> None:
    def cut(words: Said) -> None:
        if words.get("job") == 0:
            time.sleep(INTO_A_JOB_SECONDS)
            hosts.down(2)

    with cluster(tmp_path) as (hosts, spark):
        words = fits(spark, tmp_path, "cut", on_line=cut, **LOST_SOON)["cut"]
    assert re.match(
        r"ClusterError: fit: 2 workers must run at once, but for 30 s the cluster has had 1 slots", words["error"]
    )


@pytest.mark.parametrize("options", [{"unnamed": True}, {"ipv6_only": True}], ids=["a name of nobody", "IPv6 only"])
def test_hosts_of_another_kind(options: dict[str, bool], tmp_path: Path) -> None:
    with cluster(tmp_path, **options) as (_, spark):
        said = fits(spark, tmp_path, "sockets", "rounds")
    assert all(words.get("accuracy", 0) > 0.9 for words in said.values()), said
