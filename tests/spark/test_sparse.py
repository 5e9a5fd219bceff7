"""Hashed text through Spark: fits and scores that would not fit into memory, were rows dense anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import HashingTF
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers.dense import Dense

ROWS, FEATURES, WORDS = 20_000, 1 << 18, 12


@pytest.fixture(scope="module")
def texts(spark: Any) -> Any:
    """Dense, their features would take 21 GB. One word of each tells its class."""
    drawn = F.transform(F.sequence(F.lit(1), F.lit(WORDS)), lambda i: F.concat(F.lit("w"), F.hash("id", i) % 3000))
    telling = F.array(F.concat(F.lit("t"), F.col("id") % 20))
    return spark.range(ROWS).select(
        F.concat(drawn, telling).alias("words"), (F.col("id") % 2).cast("double").alias("label")
    )


def test_hashed_text_is_predicted_fitted_and_scored(texts: Any) -> None:
    hashing = HashingTF(inputCol="words", outputCol="features", numFeatures=FEATURES)
    net = DeepNetEstimator(
        layers=[Dense(4, "relu"), Dense(2, "softmax")], solver="adagrad", learningRate=0.1, maxIter=2, batchSize=256,
        numTrainWorkers=2, seed=1,
    )  # fmt: skip
    plan = net.explainPlan(hashing.transform(texts))
    assert plan.memory.activations < 256 * 1000  # a dense batch would take 268 MB
    assert plan.rowBytes < 1000
    assert plan.stepBytes < plan.memory.weights / 2
    model = Pipeline(stages=[hashing, net]).fit(texts)
    assert model.transform(texts).where("prediction = label").count() > 0.99 * ROWS
    assert model.stages[-1].summary.bytesExchanged < 2 * 2 * (ROWS / 256 + 1) * plan.memory.weights / 2
