"""Among Spark ML's own: Pipeline, CrossValidator, evaluators."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import (
    BinaryClassificationEvaluator,
    MulticlassClassificationEvaluator,
    RegressionEvaluator,
)
from pyspark.ml.feature import RFormula, StandardScaler, VectorIndexer
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense
from tests.spark.data import blobs, estimator, frame

pytestmark = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="module")
def digits(spark: Any) -> Any:
    """500 of scikit-learn's images, of 8x8 values 0..16."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return frame(spark, x[:500], y[:500]).cache()


def test_in_a_pipeline_behind_a_scaler(digits: Any) -> None:
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    net = estimator(layers=[-1, 32, -1], featuresCol="scaled", maxIter=15, batchSize=32, numTrainWorkers=2)
    model = Pipeline(stages=[scaler, net]).fit(digits)
    scored = model.transform(digits).cache()
    accuracy, loss = (MulticlassClassificationEvaluator(metricName=m).evaluate(scored) for m in ("accuracy", "logLoss"))
    assert accuracy > 0.97
    history = model.stages[-1].summary.history
    assert accuracy >= history[-1]["accuracy"] - 0.01
    assert loss <= history[-1]["loss"] + 0.01
    assert model.stages[-1].numClasses == 10


@pytest.mark.sessions("classic")  # over Connect another does, in test_persist.py
def test_in_a_cross_validator(spark: Any) -> None:
    """The grid's one net that can learn is found, and all its Params are the best model's."""
    rows = frame(spark, *blobs(60)).cache()
    net = estimator(solver="sgd", maxIter=20, batchSize=20)
    grid = (
        ParamGridBuilder()
        .addGrid(net.layers, [[4, 3], [Dense(8, "relu"), Dense(3, "softmax")]])
        .addGrid(net.learningRate, [1e-9, 0.5])
        .build()
    )
    judge = MulticlassClassificationEvaluator(metricName="accuracy")
    found = CrossValidator(
        estimator=net, estimatorParamMaps=grid, evaluator=judge, numFolds=2, parallelism=2, seed=1
    ).fit(rows)
    scores = dict(
        zip([(len(str(g[net.layers])) > 10, g[net.learningRate]) for g in grid], found.avgMetrics, strict=True)
    )
    assert max(scores[False, 1e-9], scores[True, 1e-9]) < min(scores[False, 0.5], scores[True, 0.5])
    assert found.bestModel.getLearningRate() == 0.5
    assert judge.evaluate(found.transform(rows)) > 0.9
    gc.collect()


@pytest.mark.sessions("classic")
def test_one_yes_or_no_unit_for_the_binary_evaluator(spark: Any) -> None:
    rows = frame(spark, *blobs(60, classes=2)).cache()
    net = estimator(layers=[Dense(4, "tanh"), Dense(1, "sigmoid")], maxIter=40)
    scored = net.fit(rows).transform(rows)
    for metric in ("areaUnderROC", "areaUnderPR"):
        assert BinaryClassificationEvaluator(metricName=metric).evaluate(scored) > 0.99
    assert MulticlassClassificationEvaluator(metricName="accuracy").evaluate(scored) > 0.95


@pytest.mark.sessions("classic")
def test_one_output_for_the_regression_evaluator(spark: Any) -> None:
    x, _ = blobs(60)
    rows = frame(spark, x, x @ np.array([1.0, -2.0, 3.0, 0.5])).cache()
    model = estimator(layers=[Dense(1)], maxIter=150, learningRate=0.1).fit(rows)
    rmse = RegressionEvaluator(metricName="rmse").evaluate(model.transform(rows))
    assert rmse < 0.06
    assert rmse == pytest.approx(model.summary.history[-1]["rmse"], abs=0.01)


@pytest.mark.sessions("classic")
def test_behind_a_formula_and_a_vector_indexer(spark: Any) -> None:
    """R's formula makes features and label; the indexer's categories stay numbers of the vector."""
    colours, n = ["red", "green", "blue"], 90
    width = np.random.default_rng(0).normal(size=n)
    data = [(colours[k % 3], float(width[k]), "yes" if (k % 3 == 1) == (width[k] > 0) else "no") for k in range(n)]
    rows = spark.createDataFrame(data, "colour string, width double, answer string").coalesce(1).cache()
    formula = RFormula(formula="answer ~ colour + width + colour:width", featuresCol="made", labelCol="label")
    indexer = VectorIndexer(inputCol="made", outputCol="features", maxCategories=4)
    net = DeepNetEstimator(layers=[Dense(16, "relu"), Dense(2, "softmax")], maxIter=60, batchSize=16, numTrainWorkers=1)
    scored = Pipeline(stages=[formula, indexer, net]).fit(rows).transform(rows)
    assert np.mean([row.label == row.prediction for row in scored.collect()]) > 0.95
