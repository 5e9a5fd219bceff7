"""A Caffe net as a featurizer: the values of one of its layers, on images read by Spark, are what a LogisticRegression
learns from; then the net gets a new top, and is trained on with its other layers frozen.

The net was trained on the digits 0 to 4 and knows nothing of the digits 5 to 9, which are classified here. Each is
somewhere in its image, so their pixels by themselves say little.

python examples/caffe_features.py               # examples/caffe/digits.caffemodel, on scikit-learn's digits
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from caffe_data import SCALE, moved_digits, write_pngs
from example_data import session
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.layers import Dense

CAFFE = Path(__file__).parent / "caffe"
NO_SCORES = {"predictionCol": "", "rawPredictionCol": "", "probabilityCol": ""}


def pictures(spark: SparkSession, folder: Path) -> tuple[DataFrame, DataFrame]:
    """Images and labels 0 to 4, for training and for testing."""
    images, labels = moved_digits(range(5, 10), seed=7)
    write_pngs(folder, images, labels - 5)
    df = spark.read.format("image").load(str(folder)).selectExpr("image", "double(label) label")
    train, test = (part.coalesce(2).cache() for part in df.randomSplit([0.6, 0.4], seed=1))
    return train, test


def main() -> None:
    spark = session("caffe_features")
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    net = DeepNetModel.fromCaffe(CAFFE / "digits.prototxt", CAFFE / "digits.caffemodel", scale=SCALE)
    net.setFeaturesCol("image")
    regression = LogisticRegression(featuresCol="values", maxIter=30, regParam=0.001)

    with tempfile.TemporaryDirectory() as folder:
        train, test = pictures(spark, Path(folder) / "pictures")
        for layer, what in (("data", "pixels"), ("pool2", "features")):
            values = net.copy({"outputLayers": [layer], "outputCols": ["values"]} | NO_SCORES)
            model = Pipeline(stages=[values, regression]).fit(train)
            print(f"logistic regression on {what}: {accuracy.evaluate(model.transform(test)):.4f}")
        model.save(f"{folder}/model")
        again = PipelineModel.load(f"{folder}/model")
        print(f"accuracy on features, saved and loaded {accuracy.evaluate(again.transform(test)):.4f}")

        trunk = [replace(layer, trainable=False) for layer in net.architecture.layers[:-2]]
        new = DeepNetEstimator(
            layers=[*trunk, Dense(5, "softmax", name="top")],
            featuresCol="image",
            learningRate=0.01,
            batchSize=32,
            maxIter=15,
            numTrainWorkers=2,
        )
        model = new.setInitialModel(net).fit(train)
        print(f"started from {', '.join(model.summary.initialWeights)}")
        print(f"accuracy of the net with a new top {accuracy.evaluate(model.transform(test)):.4f}")
    spark.stop()


if __name__ == "__main__":
    main()
