"""Run by a process of its own: fits and saves a network in four blocks, or loads and scores one, while it watches the
memory of the session's processes.

python large.py fit|score NETWORK FOLDER

prints a line of JSON: the most that each kind of process ever held resident, in MiB, and what was scored.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.layers import LSTM, Dense
from tests.spark.processes import tree

WIDTH, STEPS, CLASSES, ROWS = 64, 4, 4, 16
HIDDEN = {"MLP": (4, 8192), "LSTM": (16, 1472)}
"""Layers, and units of each."""
WORKER, DRIVER = 1331, 1024
"""MiB: 1.3 GiB of a worker's Python process, 1 GiB of the driver's; of each JVM's heap."""


def layers(name: str, count: int, units: int) -> list[Any]:
    if name == "MLP":
        return [Dense(units, "relu") for _ in range(count + 1)] + [Dense(CLASSES, "softmax")]
    lstm = {"recurrent_initializer": "glorot_uniform"}
    return [LSTM(units, sequences=k + 1 < count, **lstm) for k in range(count)] + [Dense(CLASSES, "softmax")]


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    shape = (ROWS, WIDTH) if name == "MLP" else (ROWS, STEPS, WIDTH // STEPS)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return x, x.reshape(ROWS, -1)[:, :CLASSES].argmax(1)


class Watch:
    """The peaks of resident memory by kind of process, as the kernel has counted them."""

    def __init__(self) -> None:
        self.peaks: dict[str, int] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.1):
            for pid, command in [(os.getpid(), "driver"), *tree(os.getpid())]:
                self._note(pid, self._kind(command))

    def _note(self, pid: int, kind: str) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:  # it has ended
            return
        for line in status.splitlines():
            if line.startswith("VmHWM"):
                self.peaks[kind] = max(self.peaks.get(kind, 0), int(line.split()[1]) >> 10)

    @staticmethod
    def _kind(command: str) -> str:
        for mark, kind in (("pyspark.worker", "worker"), ("CoarseGrained", "executor JVM"), ("java", "driver JVM")):
            if mark in command:
                return kind
        return "driver" if command == "driver" else "other"

    def end(self) -> dict[str, int]:
        self._end.set()
        self._thread.join()
        return self.peaks


def session(folder: str) -> SparkSession:
    """Four executors of one slot; their Python may hold so much and no more."""
    python = Path(folder) / "python"
    few = "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 ARROW_DEFAULT_MEMORY_POOL=system SPARK_DEEPNET_BLAS=scipy"
    limits = f"ulimit -d {WORKER << 10}; ulimit -s 1024"  # of data, in which a thread counts its whole stack
    python.write_text(f'#!/bin/sh\n{limits}\n{few} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    os.environ["PYSPARK_PYTHON"] = str(python)
    settings = {
        "spark.driver.memory": "900m",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": folder,
        "spark.sql.shuffle.partitions": "4",
    }
    builder = SparkSession.builder.master("local-cluster[4,1,1024]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def fit(spark: SparkSession, name: str, folder: str) -> dict[str, Any]:
    x, y = data(name)
    features = [Vectors.dense(row) for row in x] if name == "MLP" else x.tolist()
    rows = spark.createDataFrame(list(zip(features, y.tolist(), strict=True)), ["features", "label"])
    net = DeepNetEstimator(
        layers=layers(name, *HIDDEN[name]), modelBlocks=4, numTrainWorkers=4, checkpointDir=f"{folder}/fits",
        maxIter=2, batchSize=4, learningRate=1e-4, seed=1, standardization=False,
    )  # fmt: skip
    model = net.fit(rows)
    model.save(f"{folder}/model")
    return {"loss": model.summary.objectiveHistory, "seconds": model.summary.seconds, "ranks": model.summary.ranks}


def score(spark: SparkSession, name: str, folder: str) -> dict[str, Any]:
    x, _ = data(name)
    features = [Vectors.dense(row) for row in x] if name == "MLP" else x.tolist()
    rows = spark.createDataFrame(list(zip(features, range(ROWS), strict=True)), ["features", "number"])
    found = DeepNetModel.load(f"{folder}/model").transform(rows).orderBy("number").collect()
    return {"raw": [list(row.rawPrediction) for row in found]}


if __name__ == "__main__":
    task, name, folder = sys.argv[1:]
    watch, spark = Watch(), session(folder)
    told = (fit if task == "fit" else score)(spark, name, folder)
    spark.stop()
    print(json.dumps(told | {"peaks": watch.end()}))
