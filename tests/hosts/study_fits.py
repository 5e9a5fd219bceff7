"""The driver of `tests/hosts/study.py`: fits a network with each value of syncEvery and prints a row of each as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from example_data import pictures
from pyspark.sql import DataFrame, SparkSession
from sparknet_speedups import Cells, by_tau, reached
from sparknet_study import STUDIES, Study, of_batch
from study_rows import kept

from spark_deepnet import DeepNetEstimator
from spark_deepnet.exchange.all_reduce import cost
from tests.hosts.namespaces import ROOT

COUNTS = {"lenet": "sparknet_counts.csv", "cifar10": "cifar10/sparknet_counts.csv"}
WARM_UP_STEPS = 20
TIMED_STEPS = 60
"""With syncEvery 1 all steps take as long, exchange included; of a slow network's only these are made."""
STEPS_ALONE = 300


@dataclass(frozen=True)
class Fits:
    """Those of one study: the counted steps, and the rows to train and to measure accuracy on."""

    study: Study
    counted: Cells
    train: DataFrame
    test: DataFrame

    @classmethod
    def of(cls, name: str, folder: Path, spark: SparkSession) -> Fits:
        study = STUDIES[name](folder)
        counted = reached(of_batch(kept(ROOT / "examples" / "sparknet" / COUNTS[name]), study.batch), study.target)
        return cls(study, counted, pictures(spark, *study.train), pictures(spark, *study.test))

    def estimator(self, workers: int, tau: str, seed: int, steps: int, shared_by: int = 1) -> DeepNetEstimator:
        """As examples/sparknet_study.py trains it; with fewer rows a step, whose gradients are noisier, at a lower rate."""
        study, batch = self.study, -(-self.study.batch // shared_by)
        return DeepNetEstimator(
            layers=[*study.layers, "softmax"], inputShape=list(study.shape), featuresCol="image", solver="momentum",
            learningRate=study.rate * batch / study.batch, schedule="constant", regParam=study.l2, batchSize=batch,
            numTrainWorkers=workers, syncEvery=tau if tau == "auto" else int(tau),
            syncState="average" if tau == "1" else "keep", seed=seed, maxSteps=steps,
        )  # fmt: skip

    def steps_to_target(self, workers: int, tau: int) -> float:
        """Of each worker; between two values of tau that were counted, on a straight line. With syncEvery 1 all workers make
        one step of a batch together, as a single one does."""
        if workers == 1 or tau == 1:
            return self.counted[1, 1]
        known = by_tau(self.counted, workers)
        return float(np.interp(tau, list(known), list(known.values())))


def row_of(fits: Fits, workers: int, tau: str, seed: int) -> dict[str, Any]:
    """seconds: of all steps to the accuracy, from those of a fit; step, exchange: seconds of one (C and S) as they were
    here; exchanges: of weights; accuracy: that of the fit's model."""
    needed = fits.steps_to_target(workers, 10 if tau == "auto" else int(tau))
    net = fits.estimator(workers, tau, seed, TIMED_STEPS if tau == "1" else round(needed))
    model = net.fit(fits.train)
    summary = model.summary
    trained = sum(row["seconds"] for row in summary.history)
    needed = fits.steps_to_target(workers, summary.syncEvery)
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
        "accuracy": round(float(model.evaluate(fits.test).accuracy), 4),
    }


def row_alone(fits: Fits, tau: str) -> dict[str, Any]:
    """C, of one worker: of all a batch's rows, or of the part of one of those that share it."""
    ranks = int(tau.removeprefix("shared by "))
    summary = fits.estimator(1, "1", 0, STEPS_ALONE, ranks).fit(fits.train).summary
    step = round(summary.secondsIn("computing")[0] / summary.steps, 5)
    serial = fits.steps_to_target(1, 1)
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
    name, folder, workers, *wanted = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    fits = Fits.of(name, Path(folder), spark)
    fits.estimator(int(workers), "1", 0, WARM_UP_STEPS).fit(fits.train)  # kernels are compiled, rows in their places
    for each in wanted:
        tau, _, seed = each.partition(":")
        row = row_of(fits, int(workers), tau, int(seed)) if int(workers) > 1 else row_alone(fits, tau)
        print(json.dumps(row), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
