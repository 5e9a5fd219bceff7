"""The whole of the main job beside MLlib: fit and transform of MNIST on the same local[2], and what a fit ships."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.harness import Row, row, seconds

MNIST = Path(os.environ.get("MNIST", "../shared/data/mnist"))
"""A folder with MNIST's idx files, gzipped or not."""
LAYERS = [784, 128, 10]
ACCURACY = 0.95
MLLIB_ITERATIONS = 40  # the fewest tens that reach it: 0.829 after 10, 0.952 after 40
EPOCHS = 2
NAMES = [
    "main fit MNIST to 0.95",
    "main fit MNIST, error",
    "main transform MNIST",
]


def rows() -> Iterator[Row]:
    if not MNIST.is_dir():
        raise ModuleNotFoundError(f"no MNIST under {MNIST}: set the environment variable MNIST to a folder with its files")
    spark = session()
    try:
        yield from beside_mllib(*data(spark))
    finally:
        spark.stop()


def session() -> Any:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    spark = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def data(spark: Any) -> tuple[Any, Any]:
    """(train, test): features in 0..1, cached."""
    from pyspark.ml.functions import array_to_vector, vector_to_array
    from pyspark.sql import functions as F

    from examples.digits import mnist

    pixels = F.transform(vector_to_array("pixels"), lambda x: x / 255.0)
    found = [df.select(array_to_vector(pixels).alias("features"), "label").cache() for df in mnist(spark, MNIST)]
    for df in found:
        df.count()
    return found[0], found[1]


def beside_mllib(train: Any, test: Any) -> Iterator[Row]:
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    from spark_deepnet import DeepNetEstimator

    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    net = DeepNetEstimator(layers=LAYERS, maxIter=EPOCHS, learningRate=0.004, batchSize=128, numTrainWorkers=2)
    models: dict[str, Any] = {}
    ours = median(seconds(lambda: models.update(ours=net.fit(train))) for _ in range(3))
    peer = MultilayerPerceptronClassifier(layers=LAYERS, maxIter=MLLIB_ITERATIONS, seed=1)
    theirs = seconds(lambda: models.update(mllib=peer.fit(train)))
    found = {name: accuracy.evaluate(model.transform(test)) for name, model in models.items()}
    yield row(NAMES[0], "s", ours, theirs, f"MLlib, {MLLIB_ITERATIONS} iterations", 0.033)
    yield row(NAMES[1], "error", 1 - found["ours"], 1 - found["mllib"], "MLlib's error", 1.0)
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(4):
        for name, model in models.items():
            times[name].append(seconds(partial(scored, model, train)))
    yield row(NAMES[2], "s", median(times["ours"][1:]), median(times["mllib"][1:]), "MLlib", 0.7)


def scored(model: Any, df: Any) -> None:
    """All output columns of all rows, written nowhere."""
    columns = ["prediction", "probability", "rawPrediction"]
    model.transform(df).select(*columns).write.format("noop").mode("overwrite").save()


def shipped(name: str) -> Row:
    """Bytes of the function and plan that a task of a four-layer fit gets."""
    from pyspark import cloudpickle

    from spark_deepnet.layers.dense import Dense
    from spark_deepnet.plan.architecture import Architecture
    from spark_deepnet.plan.plan import Recipe, TrainPlan
    from spark_deepnet.rows.columns import Columns
    from spark_deepnet.spark.jobs import rank_task

    layers = [Dense(units, "relu").to_json() for units in (256, 128, 64)] + [Dense(10, "softmax").to_json()]
    architecture = Architecture(tuple(layers), (784,), {"kind": "losses.softmax_cross_entropy.v1"})
    recipe = Recipe(architecture, {"kind": "optimizers.adam.v1"}, {"kind": "schedules.constant.v1"}, 0.001, 128, 10, 0)
    plan = TrainPlan(recipe, Columns(784, label="label", classes=10), 2, "0" * 32, bytes(32))
    return row(name, "KB", len(cloudpickle.dumps(partial(rank_task, plan))) / 1024, 2.0, "the bound", 1.0)


SHIP = "main ship size beside the weights"
BENCHES = {SHIP: partial(shipped, SHIP)}
