"""What a release must do on each of its platforms, as a script without pytest, which some of them lack.

python acceptance.py            # in a session of two cores
python acceptance.py sc://...   # as a client of a Spark Connect server
"""

from __future__ import annotations

import sys
import tempfile

import numpy as np
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import DataError
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten


def rows_around_corners(count: int, width: int) -> list[tuple[list[float], float]]:
    chance = np.random.default_rng(0)
    labels = np.arange(count) % 3
    points = np.eye(3, width)[labels] + 0.2 * chance.standard_normal((count, width))
    return [(point.tolist(), float(label)) for point, label in zip(points, labels, strict=True)]


def accepted(spark: SparkSession) -> None:
    """AssertionError, or whatever the platform raises."""
    table = spark.createDataFrame(rows_around_corners(240, 16), "features array<double>, label double").cache()
    net = DeepNetEstimator(
        layers=[Dense(16, "relu"), Dense(3, "softmax")], learningRate=0.02, maxIter=20, batchSize=16, seed=1
    )
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    whole = Pipeline(stages=[net.copy().setNumTrainWorkers(2)]).fit(table)
    assert accuracy.evaluate(whole.transform(table)) > 0.9, "two workers"
    with tempfile.TemporaryDirectory() as folder:
        whole.save(f"{folder}/pipeline")
        loaded = PipelineModel.load(f"{folder}/pipeline")
        assert (
            loaded.transform(table).select("prediction").collect()
            == whole.transform(table).select("prediction").collect()
        )
        whole.stages[0].save(f"{folder}/model")
        assert DeepNetModel.load(f"{folder}/model").evaluate(table).accuracy > 0.9, "saved"
    grid = ParamGridBuilder().addGrid(net.learningRate, [1e-6, 0.02]).build()
    tuned = CrossValidator(estimator=net, estimatorParamMaps=grid, evaluator=accuracy, numFolds=2, seed=1).fit(table)
    assert max(tuned.avgMetrics) > 0.9, "tuned"
    images = [Conv2D(4, 3, activation="relu"), Flatten(), Dense(3, "softmax")]
    for layers, shape in ((images, [4, 4, 1]), ([LSTM(8), Dense(3, "softmax")], [4, 4])):
        model = net.copy().setLayers(layers).setInputShape(shape).fit(table)
        assert model.evaluate(table).accuracy > 0.8, layers[0]
    rounds = net.copy().setExchange("spark").setSyncEvery(10).setNumTrainWorkers(2).fit(table)
    assert rounds.evaluate(table).accuracy > 0.8, "rounds"
    try:
        net.fit(spark.createDataFrame([(None, 0.0)], "features array<double>, label double"))
    except DataError:
        return
    raise AssertionError("null features were taken")


if __name__ == "__main__":
    address = sys.argv[1:]
    builder = SparkSession.builder.remote(address[0]) if address else SparkSession.builder.master("local[2]")
    session = builder.config("spark.ui.enabled", "false").getOrCreate() if not address else builder.getOrCreate()
    accepted(session)
    session.stop()
    print("passed")
