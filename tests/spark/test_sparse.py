"""Hashed text through Spark: fits and scores that would not fit into memory, were rows dense anywhere."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import HashingTF

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers.dense import Dense

ROWS, FEATURES, WORDS = 20_000, 1 << 18, 12


@pytest.fixture(scope="module")
def texts(spark: Any) -> Any:
    """Dense, their features would take 21 GB."""
    rng = np.random.default_rng(1)
    words = (rng.zipf(1.3, (ROWS, WORDS)) - 1) % 5000
    labels = (rng.normal(size=5000)[words].sum(1) > 0).astype(float)
    frame = pd.DataFrame({"words": [[f"w{word}" for word in text] for text in words], "label": labels})
    return spark.createDataFrame(frame).cache()


def test_hashed_text_is_fitted_and_scored(texts: Any) -> None:
    hashing = HashingTF(inputCol="words", outputCol="features", numFeatures=FEATURES)
    net = DeepNetEstimator(
        layers=[Dense(4, "relu"), Dense(2, "softmax")], solver="adagrad", learningRate=0.1, maxIter=3, batchSize=256,
        numTrainWorkers=2, seed=1,
    )  # fmt: skip
    model = Pipeline(stages=[hashing, net]).fit(texts)
    found = model.transform(texts)
    assert found.where("prediction = label").count() > 0.85 * ROWS
    summary = model.stages[-1].summary
    print(summary)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
