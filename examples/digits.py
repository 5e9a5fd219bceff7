"""Handwritten digits, from a DataFrame of vectors to scored rows: the main example of spark_deepnet.

python examples/digits.py                       # scikit-learn's 1,797 digits of 8x8
python examples/digits.py --data DIR            # MNIST's four idx files in DIR, gzipped or not
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from example_data import digits, frame, mnist, session
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense, Dropout


def vectors(spark: SparkSession, images: np.ndarray, labels: np.ndarray) -> DataFrame:
    """Images as a DataFrame of vectors, kept in memory."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    df = frame(spark, {"pixels": pixels, "label": labels}, "pixels array<float>, label double")
    df = df.select(array_to_vector(F.col("pixels")).alias("pixels"), "label").cache()
    df.count()
    return df


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="a folder with MNIST's idx files")
    arguments.add_argument("--master", default="local[*]")
    options = arguments.parse_args()

    spark = session("digits", options.master)
    images, labels, test_images, test_labels = mnist(options.data) if options.data else digits()
    train, test = vectors(spark, images, labels), vectors(spark, test_images, test_labels)

    net = DeepNetEstimator(
        layers=[Dense(256, "relu"), Dropout(0.3), Dense(128, "relu"), Dropout(0.3), Dense(10, "softmax")],
        featuresCol="scaled",
        standardization=False,
        solver="adam",
        learningRate=0.003,
        schedule="cosine",
        maxIter=10 if options.data else 40,
        batchSize=128,
        showProgress=True,
    )
    scaler = StandardScaler(inputCol="pixels", outputCol="scaled", withMean=False, withStd=True)
    model = Pipeline(stages=[scaler, net]).fit(train)

    summary = model.stages[-1].summary
    print(
        f"trained {summary.totalIterations} epochs at {summary.rowsPerSecond:,.0f} rows/s, {summary.seconds:.1f} s in all"
    )
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy")
    scored = model.transform(test)
    scored.select("label", "prediction", "probability").show(5)
    print(f"test accuracy {accuracy.evaluate(scored):.4f}")

    with tempfile.TemporaryDirectory() as folder:
        model.write().overwrite().save(f"{folder}/digits")
        again = PipelineModel.load(f"{folder}/digits")
        print(f"test accuracy of the model saved and loaded {accuracy.evaluate(again.transform(test)):.4f}")
    spark.stop()


if __name__ == "__main__":
    main()
