"""Models in Spark as ONNX files: the outputs are the columns that transform appends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import FormatError
from spark_deepnet.layers import LSTM, Conv2D, Dense, Flatten, MaxPool2D
from spark_deepnet.layers.layer import Layer
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec
from tests.formats.onnx_runs import run, session


def model_of(layers: tuple[object, ...], entry: InputSpec) -> DeepNetModel:
    architecture = Architecture(tuple(map(Layer.of, layers)), (entry,), Loss.of("softmax_cross_entropy"))
    return DeepNetModel(architecture, architecture.scores_net().layout.init_weights(2))


def test_a_file_has_the_columns_of_a_model(spark: SparkSession, tmp_path: Path) -> None:
    layers = (Conv2D(4, 3, activation="relu"), MaxPool2D(2), Flatten(), Dense(3, "softmax"))
    model = model_of(layers, InputSpec((8, 7, 2)))
    model.toOnnx(str(tmp_path / "net.onnx"))
    x = np.random.default_rng(0).normal(size=(9, 8, 7, 2)).astype(np.float32)
    found = run(session(str(tmp_path / "net.onnx")), {"features": x})
    df = spark.createDataFrame([(Vectors.dense(row.reshape(-1).astype(float)),) for row in x], ["features"])
    scores = model.transform(df).toPandas()
    for name in ("rawPrediction", "probability"):
        np.testing.assert_allclose(found[name], np.stack(scores[name].map(lambda v: v.toArray())), atol=1e-5)
    assert found["prediction"].tolist() == scores.prediction.tolist()
    thresholds = [0.0, 1.0, 1.0]
    model.setThresholds(thresholds).toOnnx(tmp_path / "net.onnx")
    assert run(session(str(tmp_path / "net.onnx")), {"features": x})["prediction"].tolist() == [0.0] * 9
    with pytest.raises(FormatError, match="opset must be 17, found 18"):
        model.toOnnx(tmp_path / "other.onnx", opset=18)


def test_values_of_layers_are_outputs_too(spark: SparkSession, tmp_path: Path) -> None:
    """Also the softmax that scoring leaves out; the scores are written whether transform appends them or not."""
    model = model_of(
        (Conv2D(4, 3, activation="relu", name="conv"), Flatten(), Dense(3, "softmax", name="top")), InputSpec((5, 5, 2))
    )
    model.setOutputLayers(["conv", "top"]).setOutputCols(["features", "share"]).setPredictionCol("")
    model.toOnnx(tmp_path / "net.onnx")
    x = np.random.default_rng(0).normal(size=(4, 5, 5, 2)).astype(np.float32)
    (input_name,) = (each.name for each in session(str(tmp_path / "net.onnx")).get_inputs())
    found = run(session(str(tmp_path / "net.onnx")), {input_name: x})
    df = spark.createDataFrame([(Vectors.dense(row.reshape(-1).astype(float)),) for row in x], ["x"])
    scores = model.setFeaturesCol("x").transform(df).toPandas()
    values = {name: array for name, array in found.items() if array.ndim == 4 or name == "share"}
    assert [array.shape for array in values.values()] == [(4, 3, 3, 4), (4, 3)]
    for array, column in zip(values.values(), ("features", "share"), strict=True):
        expected = np.stack(scores[column].map(lambda v: v.toArray()))
        np.testing.assert_allclose(array.reshape(4, -1), expected, atol=1e-5)
    np.testing.assert_allclose(found["probability"], found["share"], atol=1e-6)


def test_sequences_come_with_their_lengths(spark: SparkSession, tmp_path: Path) -> None:
    model = model_of((LSTM(5), Dense(3, "softmax")), InputSpec((6, 2), steps=True))
    model.toOnnx(tmp_path / "net.onnx")
    rng, lengths = np.random.default_rng(0), np.array([6, 1, 3, 0])
    x = rng.normal(size=(4, 6, 2)).astype(np.float32)
    found = run(session(str(tmp_path / "net.onnx")), {"features": x}, lengths)
    rows = [(k, row[:n].tolist()) for k, (row, n) in enumerate(zip(x, lengths, strict=True))]
    df = spark.createDataFrame(rows, "k int, features array<array<float>>")
    scores = model.transform(df).toPandas().sort_values("k")
    again = DeepNetModel.fromOnnx(tmp_path / "net.onnx").transform(df).toPandas().sort_values("k")
    for a, b in zip(again.probability, scores.probability, strict=True):
        np.testing.assert_allclose(a.toArray(), b.toArray(), atol=1e-6)
    assert again.prediction.tolist() == scores.prediction.tolist()
    np.testing.assert_allclose(found["probability"], np.stack(scores.probability.map(lambda v: v.toArray())), atol=1e-5)
    assert found["prediction"].tolist() == scores.prediction.tolist()
