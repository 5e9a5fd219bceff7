"""The whole of the main job beside MLlib: fit and transform of MNIST on the same local[2], and what a fit ships."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.harness import Row, in_turns, paired_row, row
from tests.benchmarks.mnist import mnist_folder

LAYERS = [784, 128, 10]
ACCURACY = 0.95
MLLIB_ITERATIONS = 50  # the fewest tens that reach it: 0.948 after 40
EPOCHS = 1
TURNS = 3
FITS = 6  # to time the set-up; the first is not counted
SLOW = ("reading", "meeting", "compiling")
"""Parts of it, of the slower rank."""
NAMES = [
    "main fit MNIST to 0.95",
    "main fit MNIST, error",
    "main transform MNIST",
]


def rows() -> Iterator[Row]:
    spark = mnist_session()
    try:
        yield from beside_mllib(*data(spark))
    finally:
        spark.stop()


def mnist_session() -> Any:
    mnist_folder()
    return session()


def session() -> Any:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    spark = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def data(spark: Any) -> tuple[Any, Any]:
    """(train, test): features in 0..1, cached."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    sys.path.append("examples")
    from example_data import frame, mnist

    images, labels, test_images, test_labels = mnist(mnist_folder())
    found = []
    for x, y in ((images, labels), (test_images, test_labels)):
        pixels = x.reshape(len(x), -1).astype(np.float32) / np.float32(255)
        df = frame(spark, {"pixels": pixels, "label": y}, "pixels array<float>, label double")
        found.append(df.select(array_to_vector(F.col("pixels")).alias("features"), "label").cache())
        found[-1].count()
        df.unpersist()
    return found[0], found[1]


def beside_mllib(train: Any, test: Any) -> Iterator[Row]:
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.evaluation import MulticlassClassificationEvaluator

    from spark_deepnet import DeepNetEstimator

    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    net = DeepNetEstimator(
        layers=LAYERS, maxIter=EPOCHS, learningRate=0.008, batchSize=96, numTrainWorkers=2, standardization=False
    )
    models: dict[str, Any] = {}
    net.fit(train)  # the first is not counted; MLlib's, of more than a minute, all are
    peer = MultilayerPerceptronClassifier(layers=LAYERS, maxIter=MLLIB_ITERATIONS, seed=1)
    fits = (lambda: models.update(ours=net.fit(train)), lambda: models.update(mllib=peer.fit(train)))
    times = in_turns(fits, TURNS, uncounted=0)
    found = {name: accuracy.evaluate(model.transform(test)) for name, model in models.items()}
    yield paired_row(NAMES[0], "s", *times, f"MLlib, {MLLIB_ITERATIONS} iterations", 0.033)
    yield row(NAMES[1], "error", 1 - found["ours"], 1 - found["mllib"], "MLlib's error", 1.0)
    times = in_turns([partial(scored, models[name], train) for name in ("ours", "mllib")], TURNS)
    yield paired_row(NAMES[2], "s", *times, "MLlib", 0.7)


def set_up(name: str) -> Row:
    """Seconds of a fit beside those of its epochs: the job, meeting, reading, kernels from their cache."""
    from spark_deepnet import DeepNetEstimator

    spark = mnist_session()
    try:
        train, _ = data(spark)
        net = DeepNetEstimator(
            layers=LAYERS, maxIter=EPOCHS, learningRate=0.008, batchSize=96, numTrainWorkers=2, standardization=False
        )
        found = [net.fit(train).summary for _ in range(FITS)][1:]
        ours = median(s.seconds - sum(epoch["seconds"] for epoch in s.history) for s in found)
        told = ", ".join(f"{what} {median(max(s.secondsIn(what)) for s in found):.2f}" for what in SLOW)
        return row(name, "s", ours, 4.0, "the bound", 1.0) | {"note": told}
    finally:
        spark.stop()


def scored(model: Any, df: Any) -> None:
    """All output columns of all rows, written nowhere."""
    columns = ["prediction", "probability", "rawPrediction"]
    model.transform(df).select(*columns).write.format("noop").mode("overwrite").save()


def shipped(name: str) -> Row:
    """Bytes of the function and plan that a task of a four-layer fit gets."""
    from pyspark import cloudpickle

    from spark_deepnet.data.schema import Columns, Source, Target
    from spark_deepnet.layers.dense import Dense
    from spark_deepnet.plan.architecture import Architecture, InputSpec
    from spark_deepnet.plan.plan import Recipe, TrainPlan
    from spark_deepnet.spark.fit.barrier_fit import rank_task

    layers = [Dense(units, "relu").to_json() for units in (256, 128, 64)] + [Dense(10, "softmax").to_json()]
    architecture = Architecture(tuple(layers), (InputSpec((784,)),), {"kind": "losses.softmax_cross_entropy.v1"})
    recipe = Recipe(architecture, {"kind": "optimizers.adam.v1"}, {"kind": "schedules.constant.v1"}, 0.001, 128, 10, 0)
    plan = TrainPlan(recipe, Columns((Source((784,)),), (Target("label", classes=10),)), 2, "0" * 32, bytes(32))
    return row(name, "KB", len(cloudpickle.dumps(partial(rank_task, plan))) / 1024, 2.0, "the bound", 1.0)


SHIP = "main ship size beside the weights"
SET_UP = "main fit MNIST, set-up"
BENCHES = {SHIP: partial(shipped, SHIP), SET_UP: partial(set_up, SET_UP)}
