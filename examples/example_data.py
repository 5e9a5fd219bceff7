"""Common parts of the examples: arguments, a session, arrays and images as DataFrames, and the result of a fit."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet import DeepNetModel


def arguments(text: str, data: str) -> argparse.ArgumentParser:
    """The options --data, with this help text, and --epochs."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--data", type=Path, help=data)
    parser.add_argument("--epochs", type=int)
    return parser


def session(name: str, master: str = "local[2]") -> SparkSession:
    builder = SparkSession.builder.master(master).appName(name).config("spark.driver.memory", "6g")
    builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.execution.arrow.pyspark.enabled", "true").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def frame(spark: SparkSession, columns: dict[str, Any], schema: str) -> DataFrame:
    """Arrays, one entry per row, as a DataFrame kept in memory."""
    rows = pd.DataFrame({name: list(values) for name, values in columns.items()})
    df = spark.createDataFrame(rows, schema).cache()
    df.count()
    return df


def pictures(spark: SparkSession, images: np.ndarray, labels: np.ndarray) -> DataFrame:
    """Images of bytes as a DataFrame: image (binary, one byte per number) and label."""
    return frame(spark, {"image": map(np.ndarray.tobytes, images), "label": labels}, "image binary, label double")


def result(model: DeepNetModel, test: DataFrame) -> str:
    """The time of a fit and the accuracy of its model."""
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(model.transform(test))
    return f"{model.summary.seconds:.1f} s, {model.summary.rowsPerSecond:,.0f} rows/s, test accuracy {accuracy:.4f}"


def file_in(folder: Path, name: str, source: str) -> Path:
    """A file of the folder, gzipped or not; if it is missing, exit with its source."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise SystemExit(f"--data: {folder} holds neither {name} nor {name}.gz; download it from {source}")


def idx(folder: Path, name: str) -> np.ndarray:
    """One of MNIST's files as an array, in the shape of its header."""
    path = file_in(folder, name, "http://yann.lecun.com/exdb/mnist")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training images, labels, test images, labels): (n, 28, 28) uint8 and (n,) float64."""
    images, test_images = (idx(folder, f"{part}-images-idx3-ubyte") for part in ("train", "t10k"))
    labels, test_labels = (idx(folder, f"{part}-labels-idx1-ubyte").astype(float) for part in ("train", "t10k"))
    return images, labels, test_images, test_labels


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's 1,797 digits in the same form: (n, 8, 8) uint8, 360 of them for the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    chosen = np.random.default_rng(0).permutation(len(images))
    test, train = chosen[:360], chosen[360:]
    return images[train], labels[train].astype(float), images[test], labels[test].astype(float)
