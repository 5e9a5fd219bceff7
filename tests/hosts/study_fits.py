"""The driver of `tests/hosts/study.py`: fits LeNet with each value of syncEvery and prints a row of each as JSON."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from example_data import mnist, pictures
from pyspark.sql import DataFrame, SparkSession
from sparknet_speedups import reached

from spark_deepnet import DeepNetEstimator
from spark_deepnet.exchange.all_reduce import cost
from spark_deepnet.layers import Conv2D, Dense, Flatten, MaxPool2D, Rescaling
from tests.hosts.namespaces import ROOT

BATCH, TARGET, TAUS = 16, 0.96, (1, 2, 5, 10, 20, 50, 100)
COUNTS = ROOT / "examples" / "sparknet" / "sparknet_counts.csv"
WARM_UP_STEPS = 20
TIMED_STEPS = 60
"""With syncEvery 1 all steps take as long, exchange included; of a slow network's only these are made."""
STEPS_ALONE = 300


def lenet(workers: int, tau: str, seed: int, steps: int, batch: int = BATCH) -> DeepNetEstimator:
    """As examples/sparknet_study.py trains it; with fewer rows a step, whose gradients are noisier, at a lower rate."""
    return DeepNetEstimator(
        layers=[
            Rescaling(1 / 256), Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(),
            Dense(500, "relu"), Dense(10, "softmax"),
        ],
        inputShape=[28, 28, 1], featuresCol="image", solver="momentum",
        learningRate=0.01 * batch / BATCH, schedule="constant",
        regParam=0.0005, batchSize=batch, numTrainWorkers=workers, syncEvery=tau if tau == "auto" else int(tau),
        syncState="average" if tau == "1" else "keep", seed=seed, maxSteps=steps,
    )  # fmt: skip


def steps_to_target(workers: int, tau: int) -> float:
    """Of each worker; between two values of tau that were counted, on a straight line. With syncEvery 1 all workers make one
    step of a batch together, as a single one does."""
    with COUNTS.open(newline="") as file:
        counted = reached([row for row in csv.DictReader(file) if int(row["batch"]) == BATCH], TARGET)
    if workers == 1 or tau == 1:
        return counted[1, 1]
    return float(np.interp(tau, TAUS, [counted[workers, known] for known in TAUS]))


def row_of(workers: int, tau: str, seed: int, train: DataFrame, test: DataFrame) -> dict[str, Any]:
    """seconds: of all steps to the accuracy, from those of a fit; step, exchange: seconds of one (C and S) as they were
    here; exchanges: of weights; accuracy: that of the fit's model."""
    needed = steps_to_target(workers, 10 if tau == "auto" else int(tau))
    model = lenet(workers, tau, seed, TIMED_STEPS if tau == "1" else round(needed)).fit(train)
    summary = model.summary
    trained = sum(row["seconds"] for row in summary.history)
    needed = steps_to_target(workers, summary.syncEvery)
    outside = [a + b for a, b in zip(summary.secondsIn("exchanging"), summary.secondsIn("waiting"), strict=True)]
    sent: dict[int, int] = {}
    for rank in summary.ranks:
        sent[rank["rank"]] = sent.get(rank["rank"], 0) + rank["bytesSent"]
    weights = sum(array.size for array in model.weights.values())
    exchanges = max(sent.values()) / cost((1,) * workers, 4 * weights)[1]  # with auto their distance varies
    return {
        "tau": tau,
        "seed": seed,
        "syncEvery": summary.syncEvery,
        "steps": round(needed, 1),
        "seconds": round(trained * needed / summary.steps, 2),
        "step": round(min(summary.secondsIn("computing")) / summary.steps, 5),
        "exchanges": round(needed if tau == "1" else exchanges * needed / summary.steps, 1),
        "exchange": round(min(outside) / exchanges, 5),
        "weights": weights,
        "accuracy": round(float(model.evaluate(test).accuracy), 4),
    }


def row_alone(tau: str, train: DataFrame) -> dict[str, Any]:
    """C, of one worker: of all a batch's rows, or of the part of one of those that share it."""
    ranks = int(tau.removeprefix("shared by "))
    summary = lenet(1, "1", 0, STEPS_ALONE, -(-BATCH // ranks)).fit(train).summary
    step = round(summary.secondsIn("computing")[0] / summary.steps, 5)
    serial = steps_to_target(1, 1)
    same = {
        "tau": tau,
        "seed": 0,
        "syncEvery": 1,
        "steps": round(serial, 1),
        "seconds": round(serial * step, 2),
        "step": step,
    }
    return {**same, "exchanges": 0, "exchange": 0, "weights": 0, "accuracy": 0}


def main() -> None:
    folder, workers, *wanted = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    images, labels, test_images, test_labels = mnist(Path(folder))
    train = pictures(spark, images, labels)
    test = pictures(spark, test_images[::5], test_labels[::5])
    lenet(int(workers), "1", 0, WARM_UP_STEPS).fit(train)  # kernels are compiled, and rows are in their places
    for name in wanted:
        tau, _, seed = name.partition(":")
        row = row_of(int(workers), tau, int(seed), train, test) if int(workers) > 1 else row_alone(tau, train)
        print(json.dumps(row), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
