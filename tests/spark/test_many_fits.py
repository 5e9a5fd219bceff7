"""Many fits in one session: at once, or one after the other without growth; and fits that are called off."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

from spark_deepnet.errors import ClusterError
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

FEW, MANY = 6, 35


@pytest.fixture(scope="session")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs()).cache()


def test_four_fits_at_once_are_as_if_alone(rows: Any) -> None:
    nets = [estimator(seed=seed, batchSize=10, numTrainWorkers=2) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda net: net.fit(rows), nets))
    assert same(at_once[3], nets[3].fit(rows))
    assert not same(at_once[0], at_once[1])


@pytest.mark.slow
def test_a_cross_validator_of_parallelism_4(rows: Any) -> None:
    net = estimator(batchSize=10, numTrainWorkers=2)
    grid = ParamGridBuilder().addGrid(net.learningRate, [0.001, 0.05]).addGrid(net.seed, [0, 1]).build()
    evaluator = MulticlassClassificationEvaluator(metricName="accuracy")
    found = CrossValidator(
        estimator=net, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, parallelism=4, seed=1
    ).fit(rows)
    assert max(found.avgMetrics) > 0.8
    assert same(found.bestModel, found.bestModel.copy())


def held() -> dict[str, int]:
    """What this process has open, and what lies about."""
    gc.collect()
    mine = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("spark_deepnet")]
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    threads = [t for t in threading.enumerate() if "Thread-" not in t.name or t.daemon is False]
    return {"files": len(os.listdir("/proc/self/fd")), "threads": len(threads), "left": len(mine), "MiB": resident}


def check_no_growth(rows: Any, count: int) -> None:
    net = estimator(maxIter=1, showProgress=True, checkpointDir=tempfile.mkdtemp(), checkpointInterval=1)
    for _ in range(2):
        net.fit(rows)
    before = held()
    for _ in range(count):
        net.fit(rows)
    after = held()
    assert after["files"] <= before["files"] + 3
    assert after["threads"] <= before["threads"] + 2
    assert after["left"] <= before["left"]
    assert after["MiB"] <= before["MiB"] + 30
    assert os.listdir(net.getCheckpointDir()) == []


def test_some_fits_leave_nothing_behind(rows: Any) -> None:
    check_no_growth(rows, FEW)


@pytest.mark.slow
def test_many_fits_leave_nothing_behind(rows: Any) -> None:
    check_no_growth(rows, MANY)


def test_cancelled_jobs_end_the_fit_in_one_sentence(spark: Any, rows: Any) -> None:
    net = estimator(layers=[4, 64, 64, 3], batchSize=10, maxIter=20_000)
    done: list[Any] = []

    def fit() -> None:
        try:
            done.append(net.fit(rows))
        except Exception as error:
            done.append(error)

    thread = threading.Thread(target=fit)
    thread.start()
    tracker, end = spark.sparkContext.statusTracker(), time.monotonic() + 120
    while not tracker.getActiveJobsIds() and time.monotonic() < end:
        time.sleep(0.1)
    while thread.is_alive() and time.monotonic() < end:
        spark.sparkContext.cancelAllJobs()
        thread.join(1.0)
    assert isinstance(done[0], ClusterError), done
    assert str(done[0]).startswith("fit: its Spark job was cancelled (Job ")
    check_sentence(done[0])
    assert done[0].__cause__ is None
    assert done[0].__suppress_context__
