"""The driver of `tests/hosts/test_cluster.py`: fits, one way after another, and for each a line of JSON."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet import Callback, DeepNetEstimator
from spark_deepnet.errors import DeepNetError

WAYS: Mapping[str, Mapping[str, Any]] = {
    "sockets": {},
    "rounds": {"exchange": "spark", "syncEvery": 30, "maxIter": 6},
    "blocks": {"modelBlocks": 2, "maxIter": 6},
    "interrupted": {"timeout": 30.0},
    "cut": {"timeout": 4.0},
}
HEARD_EVERY = 10
"""Epochs after which the driver hears, so that a fit has several jobs."""


class Aloud(Callback):
    """Prints the jobs that have ended."""

    def on_job_end(self, job: int, logs: Mapping[str, Any]) -> None:
        say(job=job)


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def table(spark: SparkSession) -> DataFrame:
    """Points around three corners: 30 steps of 16 rows an epoch."""
    labels = np.arange(480) % 3
    points = np.eye(3, 8)[labels] + 0.2 * np.random.default_rng(0).standard_normal((480, 8))
    rows = [(point.tolist(), float(label)) for point, label in zip(points, labels, strict=True)]
    return spark.createDataFrame(rows, "features array<double>, label double").repartition(2).cache()


def fit(way: str, rows: DataFrame) -> None:
    given = {"maxIter": 40, **WAYS[way]}
    net = DeepNetEstimator(layers=[8, 64, 3], batchSize=16, numTrainWorkers=2, learningRate=0.02, seed=1, **given)
    if "timeout" in given:
        net.setCallbacks([Aloud()], everyEpochs=HEARD_EVERY)
    began = time.monotonic()
    try:
        model = net.fit(rows)
        say(
            way=way,
            accuracy=model.evaluate(rows).accuracy,
            ranks=len(model.summary.rowsByRank),
            weights=hashlib.sha256(b"".join(array.tobytes() for array in model.weights.values())).hexdigest(),
            seconds=time.monotonic() - began,
        )
    except DeepNetError as error:
        say(way=way, error=f"{type(error).__name__}: {error}", seconds=time.monotonic() - began)


def main() -> None:
    spark = SparkSession.builder.getOrCreate()
    rows = table(spark)
    rows.count()
    for way in sys.argv[1:]:
        fit(way, rows)
    spark.stop()


if __name__ == "__main__":
    main()
