"""Models from ONNX files in Spark: score, save, load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import FormatError
from tests.formats.onnx_files import computed, graph, node


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).normal(size=shape).astype(np.float32)


NODES = [
    node("Conv", "x W b", "c", "/conv/Conv", pads=[1, 1, 1, 1]),
    node("Relu", "c", "r"),
    node("Flatten", "r", "f"),
    node("Gemm", "f B", "scores"),
    node("Softmax", "scores", "prob"),
]
MODEL = graph(
    NODES, {"x": ["n", 3, 5, 4]}, ["prob"], {"W": random(2, 3, 3, 3), "b": random(2), "B": random(2 * 5 * 4, 3)}
)


def test_a_model_scores_as_the_graph(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(MODEL.SerializeToString())
    x = random(9, 3, 5, 4)
    (expected,) = computed(MODEL, {"x": x})
    held = x.transpose(0, 2, 3, 1).reshape(len(x), -1)
    df = spark.createDataFrame([(Vectors.dense(row.astype(float)),) for row in held], ["features"])
    model = DeepNetModel.fromOnnx(tmp_path / "net.onnx")
    model.save(str(tmp_path / "model"))
    for each in (model, DeepNetModel.load(str(tmp_path / "model"))):
        scored = each.transform(df).toPandas()
        np.testing.assert_allclose(np.stack(scored.probability.map(lambda v: v.toArray())), expected, atol=1e-5)
    image = DeepNetModel.fromOnnx(tmp_path / "net.onnx", outputs=["r"]).transform(df).toPandas()
    assert image.prediction.map(len).tolist() == [2 * 5 * 4] * 9
    with pytest.raises(FormatError, match="input 'x' has rows of"):
        DeepNetModel.fromOnnx(tmp_path / "net.onnx", inputShape=(5, 5, 3))
