"""A driver in a process of its own: ``python -m tests.spark.driver FOLDER`` fits with checkpoints in the folder, and fits
again where Ctrl-C ended the fit. Tells in lines of JSON what it does."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from typing import Any

from spark_deepnet import DeepNetEstimator, DeepNetModel
from tests.spark.data import blobs, frame
from tests.spark.processes import busy
from tests.spark.sessions import classic


def net(folder: str) -> DeepNetEstimator:
    return DeepNetEstimator(
        layers=[4, 64, 64, 3],
        maxIter=120,
        batchSize=10,
        standardization=False,
        learningRate=0.001,
        numTrainWorkers=2,
        checkpointDir=folder,
        checkpointInterval=40,
    )


def tell(**said: Any) -> None:
    print(json.dumps(said), flush=True)


def digest(model: DeepNetModel) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in model.weights.values())).hexdigest()


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        spark = classic(own)
        rows = frame(spark, *blobs(300)).cache()
        net(f"{folder}/warm").setMaxIter(1).fit(rows)
        tell(fitting=True)
        try:
            model = net(folder).fit(rows)
        except KeyboardInterrupt:
            time.sleep(4.0)  # Spark gives a Python worker 2 s to end by itself
            jobs = spark.sparkContext.statusTracker().getActiveJobsIds()
            tell(interrupted=True, jobs=jobs, busy=busy(spark.sparkContext._gateway.proc.pid))
            model = net(folder).fit(rows)
        tell(weights=digest(model), jobs=model.summary.jobs)
        spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
