"""The driver of `tests/hosts/study.py`: fits LeNet with each value of syncEvery and prints a row of each as JSON."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

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


def lenet(workers: int, tau: str, seed: int, steps: int) -> DeepNetEstimator:
    """As examples/sparknet_study.py trains it."""
    return DeepNetEstimator(
        layers=[
            Rescaling(1 / 256), Conv2D(20, 5), MaxPool2D(2, 2), Conv2D(50, 5), MaxPool2D(2, 2), Flatten(),
            Dense(500, "relu"), Dense(10, "softmax"),
        ],
        inputShape=[28, 28, 1], featuresCol="image", solver="momentum", learningRate=0.01, schedule="constant",
        regParam=0.0005, batchSize=BATCH, numTrainWorkers=workers, syncEvery=tau if tau == "auto" else int(tau),
        syncState="average" if tau == "1" else "keep", seed=seed, maxSteps=steps,
    )  # fmt: skip


def steps_to_target(workers: int, tau: int) -> float:
    """Of each worker. With syncEvery 1 all workers make one step of a batch together, as a single one does."""
    with COUNTS.open(newline="") as file:
        counted = reached([row for row in csv.DictReader(file) if int(row["batch"]) == BATCH], TARGET)
    return counted[(1, 1) if workers == 1 or tau == 1 else (workers, min(TAUS, key=lambda known: abs(known - tau)))]


def row_of(workers: int, tau: str, seed: int, train: DataFrame, test: DataFrame) -> dict[str, Any]:
    """seconds: of all steps to the accuracy, from those of a fit; step, exchange: seconds of one (C and S); bytes: what a
    worker sends in an exchange; accuracy: that of the fit's model."""
    steps = round(steps_to_target(workers, 10 if tau == "auto" else int(tau)))
    model = lenet(workers, tau, seed, steps).fit(train)
    summary = model.summary
    trained = sum(row["seconds"] for row in summary.history)
    needed = steps_to_target(workers, summary.syncEvery)
    outside = [a + b for a, b in zip(summary.secondsIn("exchanging"), summary.secondsIn("waiting"), strict=True)]
    sent: dict[int, int] = {}
    for rank in summary.ranks:
        sent[rank["rank"]] = sent.get(rank["rank"], 0) + rank["bytesSent"]
    per_exchange = cost((1,) * workers, 4 * sum(array.size for array in model.weights.values()))[1]
    exchanges = max(sent.values()) / per_exchange if workers > 1 else 0.0  # with auto their distance varies
    return {
        "tau": tau,
        "syncEvery": summary.syncEvery,
        "steps": round(needed, 1),
        "seconds": round(trained * needed / summary.steps, 2),
        "step": round(min(summary.secondsIn("computing")) / summary.steps, 5),
        "exchanges": round(exchanges * needed / summary.steps, 1),
        "exchange": round(min(outside) / exchanges, 5) if exchanges else 0.0,
        "bytes": round(per_exchange),
        "accuracy": round(float(model.evaluate(test).accuracy), 4),
    }


def main() -> None:
    folder, workers, seed, *taus = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    images, labels, test_images, test_labels = mnist(Path(folder))
    train = pictures(spark, images, labels)
    test = pictures(spark, test_images[::5], test_labels[::5])
    lenet(int(workers), "1", 0, WARM_UP_STEPS).fit(train)  # kernels are compiled, and rows are in their places
    for tau in taus:
        print(json.dumps(row_of(int(workers), tau, int(seed), train, test)), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
