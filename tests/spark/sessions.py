"""The kinds of Spark session, and how each is started."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from tests.spark.jvm import options

BRISK = {
    "spark.stage.maxConsecutiveAttempts": "2",
    "spark.python.daemon.module": "preloading",
    "spark.sql.leafNodeDefaultParallelism": "2",
}
"""A stage that fails for good is run twice, not four times: each of its runs starts all of its Python workers anew. These
find the packages imported (tests/spark/daemon); on clusters they import them as users' do. And a frame made of Python's
rows has two partitions, also where there are four slots: fewer tasks for the same rows."""


def classic(folder: str) -> Any:
    """Four slots in one JVM."""
    return _local("local[4]", folder, BRISK)


def cluster(folder: str) -> Any:
    """Two executors of one slot each, in JVMs of their own."""
    return _local("local-cluster[2,1,1024]", folder)


def trio(folder: str) -> Any:
    """Three executors of one slot each."""
    return _local("local-cluster[3,1,1024]", folder)


def elastic(folder: str) -> Any:
    """Executors that come and go, under which Spark refuses a barrier."""
    settings = {"enabled": "true", "shuffleTracking.enabled": "true", "maxExecutors": "2", "initialExecutors": "2"}
    return _local("local-cluster[2,1,1024]", folder, {f"spark.dynamicAllocation.{k}": v for k, v in settings.items()})


def connect(folder: str) -> Any:
    """A Spark Connect client with its server in a JVM beside it, which takes the workers' Python from PYSPARK_PYTHON."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_TESTING"] = "1"  # a free port: two servers of one machine do not meet
    with warnings.catch_warnings():  # the server takes what the client then cannot set
        warnings.filterwarnings("ignore", "Failed to set", UserWarning)
        return _set(SparkSession.builder.remote("local[2]"), folder, BRISK).getOrCreate()


def _local(master: str, folder: str, more: dict[str, str] | None = None) -> Any:
    """No Python is chosen for the workers, and none on PATH has the package: the package sees to it by itself."""
    os.environ.pop("PYSPARK_PYTHON", None)
    own = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != own)
    session = _set(SparkSession.builder.master(master), folder, more or {}).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def _set(builder: Any, folder: str, more: dict[str, str] | None = None) -> Any:
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": options(),
        "spark.executor.extraJavaOptions": options(),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.local.dir": folder,
    }
    for key, value in (settings | (more or {})).items():
        builder = builder.config(key, value)
    return builder


STARTS = {"classic": classic, "connect": connect, "cluster": cluster, "elastic": elastic}
"""Those of many tests first."""
