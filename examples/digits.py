"""Handwritten digits, from a DataFrame of vectors to scored rows: the main job of spark_deepnet.

    python examples/digits.py                       # scikit-learn's 1,797 digits of 8x8
    python examples/digits.py --data DIR            # MNIST's four idx files in DIR, gzipped or not
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import Dense, Dropout


def idx(folder: Path, name: str) -> np.ndarray:
    """One of MNIST's files as an array (http://yann.lecun.com/exdb/mnist): its header tells the shape."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise SystemExit(f"{folder} holds neither {name} nor {name}.gz")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(spark: SparkSession, folder: Path) -> tuple[DataFrame, DataFrame]:
    train = frame(spark, idx(folder, "train-images-idx3-ubyte"), idx(folder, "train-labels-idx1-ubyte"))
    return train, frame(spark, idx(folder, "t10k-images-idx3-ubyte"), idx(folder, "t10k-labels-idx1-ubyte"))


def digits(spark: SparkSession) -> tuple[DataFrame, DataFrame]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(images))
    test, train = chosen[:360], chosen[360:]
    return frame(spark, images[train], labels[train]), frame(spark, images[test], labels[test])


def frame(spark: SparkSession, images: np.ndarray, labels: np.ndarray) -> DataFrame:
    """Images as a DataFrame of vectors, kept in memory."""
    rows = pd.DataFrame({"pixels": list(images.reshape(len(images), -1)), "label": labels.astype(float)})
    rows["pixels"] = [row.astype(np.float32) for row in rows["pixels"]]
    df = spark.createDataFrame(rows, "pixels array<float>, label double")
    df = df.select(array_to_vector(F.col("pixels")).alias("pixels"), "label").cache()
    df.count()
    return df


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="a folder with MNIST's idx files")
    arguments.add_argument("--master", default="local[*]")
    options = arguments.parse_args()

    spark = (
        SparkSession.builder.master(options.master)
        .appName("digits")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")  # for createDataFrame from pandas
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    train, test = mnist(spark, options.data) if options.data else digits(spark)

    net = DeepNetEstimator(
        layers=[Dense(256, "relu"), Dropout(0.3), Dense(128, "relu"), Dropout(0.3), Dense(10, "softmax")],
        featuresCol="scaled",
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
    print(f"trained {summary.totalIterations} epochs at {summary.rowsPerSecond:,.0f} rows/s, {summary.seconds:.1f} s in all")
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
