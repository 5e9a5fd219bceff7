"""What the output columns tell Spark ML's own stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import OneVsRest
from pyspark.ml.feature import IndexToString, StringIndexer, VectorAssembler
from pyspark.sql import functions as F

from spark_deepnet.errors import ModelFormatError
from spark_deepnet.layers import Dense, Input, Output
from spark_deepnet.score import output
from spark_deepnet.spark.attributes import check_names
from tests.spark.data import blobs, estimator, frame

X, Y = blobs(30)
TEXTS = ["ball", "bat", "cap"]


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, X, Y, text=[TEXTS[y] for y in Y]).withColumn("pair", F.array("label", "label")).cache()


@pytest.fixture(scope="module")
def named(rows: Any) -> Any:
    """A pipeline from texts to texts."""
    net = estimator(maxIter=40, labelCol="class")
    assembler = VectorAssembler(inputCols=["probability", "rawPrediction", "prediction"], outputCol="all")
    indexer, back = (
        StringIndexer(inputCol="text", outputCol="class"),
        IndexToString(inputCol="prediction", outputCol="back"),
    )
    return Pipeline(stages=[indexer, net, back, assembler]).fit(rows)


def told(df: Any, name: str) -> Any:
    return df.schema[name].metadata.get("ml_attr")


@pytest.mark.sessions("classic", "connect")
def test_classes_have_the_names_that_the_label_had(rows: Any, named: Any, kind: str, tmp_path: Path) -> None:
    """Saved and loaded too, on one kind of session: test_persist.py does so on both."""
    models = [named]
    if kind == "classic":
        named.write().overwrite().save(str(tmp_path / "model"))
        models.append(PipelineModel.load(str(tmp_path / "model")))
    for model in models:
        assert sorted(model.stages[1].classNames) == TEXTS
        scored = model.transform(rows)
        assert np.mean([row.text == row.back for row in scored.collect()]) > 0.9
        assert told(scored, "prediction")["vals"] == model.stages[1].classNames
        for vector in "probability", "rawPrediction":
            entries = told(scored, vector)["attrs"]["numeric"]
            assert [entry["name"] for entry in sorted(entries, key=lambda e: e["idx"])] == model.stages[1].classNames
        assert told(scored, "all")["num_attrs"] == 7


def test_a_stream_is_assembled_behind_the_model(rows: Any, named: Any, tmp_path: Path) -> None:
    rows.select("features", "text").write.parquet(str(tmp_path / "rows"))
    stream = rows.sparkSession.readStream.schema(rows.select("features", "text").schema).parquet(str(tmp_path / "rows"))
    query = named.transform(stream).select("back", "all").writeStream.format("memory").queryName("assembled")
    assert query.trigger(availableNow=True).start().awaitTermination(300)
    assert rows.sparkSession.table("assembled").count() == len(Y)


KINDS = {
    "classes": ({}, {"type": "nominal", "num_vals": 3}, 3, 3),
    "two classes": ({"layers": [Dense(1, "sigmoid")], "labelCol": "binary"}, {"type": "nominal", "num_vals": 2}, 2, 2),
    "labels": ({"layers": [Dense(2, "sigmoid")], "labelCol": "binaries"}, None, 2, 2),
    "hinge": ({"layers": [Dense(3)], "loss": "hinge"}, {"type": "nominal", "num_vals": 3}, 3, None),
    "regression": ({"layers": [Dense(1)]}, {"type": "numeric"}, None, None),
    "targets": ({"layers": [Dense(2)], "labelCol": "pair"}, {"num_attrs": 2}, None, None),
}
"""Params, what is told of prediction, and the lengths of rawPrediction and probability."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told_of_each_task(rows: Any, kind: str) -> None:
    params, prediction, *lengths = KINDS[kind]
    binary = (F.col("label") > 0).cast("double")
    df = rows.withColumn("binary", binary).withColumn("binaries", F.array(binary, binary))
    model = estimator(**{"maxIter": 1} | params).fit(df)
    scored = model.transform(df)
    found = told(scored, "prediction")
    assert found == (prediction and {**prediction, **({"name": "prediction"} if "type" in prediction else {})})
    for name, length in zip(("rawPrediction", "probability"), lengths, strict=True):
        assert (name in scored.columns) == (length is not None)
        assert length is None or told(scored, name) == {"num_attrs": length}
    assert [f.metadata for f in model.transformSchema(df.schema)] == [f.metadata for f in scored.schema]
    assert model.classNames is None


def test_each_output_has_names_of_its_own(rows: Any) -> None:
    df = StringIndexer(inputCol="text", outputCol="class").fit(rows).transform(rows)
    trunk = Dense(4, "relu")(Input())
    layers = [Output(column="label")(Dense(1)(trunk)), Output(column="class")(Dense(3, "softmax", name="kind")(trunk))]
    model = estimator(layers=layers, maxIter=1).fit(df)
    assert model.classNames is None
    assert sorted(told(model.transform(df), "prediction_kind")["vals"]) == TEXTS


def test_one_against_the_rest(rows: Any) -> None:
    few = rows.coalesce(1).cache()
    model = OneVsRest(classifier=estimator(layers=[4, 2], maxIter=40, learningRate=0.1)).fit(few)
    assert np.mean([row.label == row.prediction for row in model.transform(few).collect()]) > 0.9


@pytest.mark.parametrize("wrong", [{}, "abc", [], [["a", "b"]], [["a", "b", 3]], [[]], [None, None], [7]])
def test_names_that_do_not_fit_are_refused(wrong: Any) -> None:
    outputs = [output.Output("classification", "softmax", 3)]
    assert check_names(None, outputs) == check_names([None], outputs) == (None,)
    assert check_names([TEXTS], outputs) == (tuple(TEXTS),)
    with pytest.raises(ModelFormatError, match="names of the model's classes"):
        check_names(wrong, outputs)
