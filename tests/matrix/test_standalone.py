"""A job that is submitted to a standalone cluster whose workers get the package with it (--py-files)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.matrix.standalone import cluster, packed, submitted

JOB = """
import numpy as np
from pyspark.sql import SparkSession

from spark_deepnet import DeepNetEstimator

spark = SparkSession.builder.getOrCreate()
labels = np.arange(240) % 3
points = np.eye(3, 8)[labels] + 0.2 * np.random.default_rng(0).standard_normal((240, 8))
rows = [(point.tolist(), float(label)) for point, label in zip(points, labels)]
table = spark.createDataFrame(rows, "features array<double>, label double").repartition(2).cache()


def home(frames):
    import spark_deepnet

    for frame in frames:
        yield frame.head(1).assign(home=spark_deepnet.__file__)[["home"]]


model = DeepNetEstimator(layers=[8, 16, 3], maxIter=20, batchSize=16, numTrainWorkers=2, seed=1).fit(table)
print("accuracy", model.evaluate(table).accuracy)
print("ranks", len(model.summary.rowsByRank))
print("homes", sorted({row.home for row in table.mapInPandas(home, "home string").collect()}))
spark.stop()
"""


@pytest.mark.slow
def test_a_job_runs_on_two_workers_with_the_package_as_a_zip(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB)
    with cluster(tmp_path) as address:
        said = dict(line.split(" ", 1) for line in submitted(address, tmp_path, script, packed(tmp_path)).splitlines())
    assert float(said["accuracy"]) > 0.9
    assert said["ranks"] == "2"
    homes = re.findall(r"'(.+?)'", said["homes"])
    assert all("spark_deepnet.zip/spark_deepnet" in home for home in homes), "workers import what was sent"
    assert homes
