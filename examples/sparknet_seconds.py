"""C and S of sparknet_study.py on this machine: seconds of a step and of an exchange, from fits with two workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from example_data import frame, session

from spark_deepnet import DeepNetEstimator

ROWS, TAU = 3200, 10


def measured(
    images: np.ndarray, labels: np.ndarray, shape: tuple[int, ...], layers: Sequence[Any], batch: int
) -> dict[str, float]:
    """Seconds of a step of this number of rows, and of averaging weights and momentum over sockets and by Spark's
    rounds."""
    spark = session("sparknet_seconds")
    columns = {"image": map(np.ndarray.tobytes, images[:ROWS]), "label": labels[:ROWS]}
    df = frame(spark, columns, "image binary, label double")
    net = DeepNetEstimator(
        layers=[*layers, "softmax"],
        inputShape=list(shape),
        featuresCol="image",
        solver="momentum",
        learningRate=0.01,
        maxIter=1,
        batchSize=batch,
        numTrainWorkers=2,
        syncEvery=TAU,
    )
    sockets, rounds = (net.setExchange(exchange).fit(df).summary for exchange in ("sockets", "spark"))
    spark.stop()
    inside = [a + b for a, b in zip(sockets.secondsIn("exchanging"), sockets.secondsIn("waiting"), strict=True)]
    beside = sum(row["seconds"] for row in rounds.history) - max(rounds.secondsIn("computing"))
    return {
        "step": min(sockets.secondsIn("computing")) / sockets.steps,
        "sockets": min(inside) / (sockets.steps / TAU),  # a worker that waits longer has waited for a slower one
        "spark": beside / (rounds.steps / TAU),
    }
