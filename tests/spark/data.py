"""Small DataFrames to fit on, and what is compared of two models."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame

from spark_deepnet import DeepNetEstimator, DeepNetModel


def blobs(n: int = 90, width: int = 4, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around a corner of the cube for each class, and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    corners = np.eye(classes, width)
    return (corners[y] + 0.2 * rng.standard_normal((n, width))).astype(np.float32), y


def frame(spark: Any, x: np.ndarray, y: np.ndarray, **more: Any) -> DataFrame:
    """features (vectors), label (double; rows of several numbers become vectors), and more columns."""
    labels = [float(v) if np.ndim(v) == 0 else Vectors.dense(v) for v in y]
    columns = [[Vectors.dense(row.astype(float)) for row in x], labels, *(list(v) for v in more.values())]
    return spark.createDataFrame(list(zip(*columns, strict=True)), ["features", "label", *more])


def estimator(**params: Any) -> DeepNetEstimator:
    """A small classifier of blobs as they are, in one batch an epoch and one worker where nothing else is said."""
    told = {"layers": [4, 5, 3], "maxIter": 3, "batchSize": 1000, "learningRate": 0.05, "numTrainWorkers": 1}
    told |= {"standardization": False}
    return DeepNetEstimator(**(told | params))


def same(a: DeepNetModel, b: DeepNetModel) -> bool:
    """Bit for bit."""
    return a.weights.keys() == b.weights.keys() and all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights)


def distance(a: DeepNetModel, b: DeepNetModel) -> float:
    """The largest difference of two weights, relative to the largest weight of its array."""
    return max(float(np.abs(a.weights[k] - b.weights[k]).max() / np.abs(b.weights[k]).max()) for k in b.weights)
