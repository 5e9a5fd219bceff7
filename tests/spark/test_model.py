"""Scoring: the columns that transform writes, on rows good and bad, at rest and in a stream."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import functions as F

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.layers import Dense
from tests.spark.data import blobs, estimator, frame

pytestmark = pytest.mark.sessions("classic", "connect")
X, Y = blobs(30)


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, X, Y).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    return estimator(maxIter=20).fit(rows)


TASKS = {
    "classes": {},
    "two classes": {"layers": [Dense(1, "sigmoid")], "labelCol": "binary"},
    "regression": {"layers": [Dense(1)]},
    "targets": {"layers": [Dense(2)], "labelCol": "pair"},
    "labels": {"layers": [Dense(2, "sigmoid")], "labelCol": "pair"},
    "hinge": {"layers": [Dense(3)], "loss": "hinge"},
}


@pytest.mark.sessions("classic")
@pytest.mark.parametrize("task", TASKS)
def test_the_schema_is_predicted_and_predict_agrees(rows: Any, task: str) -> None:
    check_predicted(rows, task)


@pytest.mark.sessions("connect")
@pytest.mark.parametrize("task", ["classes", "targets"])
def test_and_over_connect(rows: Any, task: str) -> None:
    check_predicted(rows, task)


def check_predicted(rows: Any, task: str) -> None:
    df = rows.withColumn("binary", (F.col("label") > 0).cast("double")).withColumn("pair", F.array("binary", "binary"))
    model = estimator(maxIter=2, **TASKS[task]).fit(df)
    scored = model.transform(df)
    predicted = model.transformSchema(df.schema)
    assert [(f.name, f.dataType, f.metadata) for f in predicted] == [
        (f.name, f.dataType, f.metadata) for f in scored.schema
    ]
    for row in scored.limit(3).collect():
        np.testing.assert_allclose(np.asarray(model.predict(row.features)), np.asarray(row.prediction), rtol=1e-5)
        if model.getRawPredictionCol() in row:
            np.testing.assert_allclose(model.predictRaw(row.features), row.rawPrediction, rtol=1e-4, atol=1e-6)
        if model.getProbabilityCol() in row:
            np.testing.assert_allclose(model.predictProbability(row.features), row.probability, rtol=1e-4, atol=1e-6)
    assert model.numFeatures == 4


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, copy.copy])
def test_a_model_is_pickled_and_copied(model: DeepNetModel, rows: Any, again: Any) -> None:
    other = again(model)
    assert (other.uid, other.summary.history) == (model.uid, model.summary.history)
    assert other.extractParamMap() == model.extractParamMap()
    found, expected = (m.transform(rows).select("label", "probability").collect() for m in (other, model))
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert len(pickle.dumps(model)) < 50_000


def test_outputs_without_a_name_are_left_out(model: DeepNetModel, rows: Any) -> None:
    bare = model.copy({model.rawPredictionCol: "", model.probabilityCol: "", model.predictionCol: "class"})
    assert bare.transform(rows).columns == ["features", "label", "class"]
    nothing = bare.copy({bare.predictionCol: ""})
    assert nothing.transform(rows).columns == ["features", "label"]
    assert nothing.transformSchema(rows.schema) == rows.schema


def test_thresholds_weigh_the_classes(model: DeepNetModel, rows: Any) -> None:
    always = model.copy({model.thresholds: [0.5, 0.0, 0.5]})
    assert {row.prediction for row in always.transform(rows).collect()} == {1.0}
    told = [0.1, 0.5, 0.9]
    for row in model.copy({model.thresholds: told}).transform(rows).collect():
        assert row.prediction == np.argmax(row.probability.toArray() / told)
    assert model.copy({model.thresholds: told}).predict(X[0]) == np.argmax(
        model.predictProbability(X[0]).toArray() / told
    )


@pytest.fixture(scope="module")
def holed(rows: Any) -> Any:
    """The first row null, the second with a NaN, and one good one of all; as lists and as vectors."""
    lists = rows.limit(3).withColumn("number", F.monotonically_increasing_id()).cache()
    first, second = F.col("number") == 0, F.col("number") == 1
    values = vector_to_array("features")
    nans = F.transform(values, lambda v: F.lit(float("nan")))
    values = F.when(second, nans).otherwise(values)
    vectors = F.when(~first, array_to_vector(values))
    return lists.withColumn("list", F.when(~first, values)).withColumn("vector", vectors).drop("features").cache()


@pytest.mark.parametrize("form", ["list", "vector"])
def test_rows_with_holes_are_refused_skipped_or_kept(model: DeepNetModel, holed: Any, form: str) -> None:
    model = model.copy({model.featuresCol: form})
    with pytest.raises(Exception, match=rf"DataError: transform: column '{form}': (null|NaN).*handleInvalid"):
        model.transform(holed).collect()
    skipped = model.copy({model.handleInvalid: "skip"}).transform(holed).collect()
    assert [row.number for row in skipped] == [2]
    kept = model.copy({model.handleInvalid: "keep"}).transform(holed).orderBy("number").collect()
    assert [bool(np.isnan(row.prediction)) for row in kept] == [True, True, False]
    assert np.isnan(kept[0].probability.toArray()).all()
    assert kept[2].prediction == skipped[0].prediction


def test_vectors_of_another_length_are_refused(model: DeepNetModel, spark: Any) -> None:
    other = frame(spark, *blobs(3, width=5))
    for invalid in "error", "skip":
        with pytest.raises(Exception, match="length 5, but the first layer takes 4"):
            model.copy({model.handleInvalid: invalid}).transform(other).collect()
    with pytest.raises(NetworkError, match="length 2, but the first layer takes 4"):
        model.copy({model.featuresCols: ["a", "b"]}).transform(spark.createDataFrame([(1.0, 2.0)], ["a", "b"]))
    with pytest.raises(DataError, match="length 5, but the first layer takes 4"):
        model.predict(np.zeros(5))


def test_a_stream_is_scored_as_a_table_is(model: DeepNetModel, rows: Any, spark: Any, tmp_path: Path) -> None:
    lists = rows.select(vector_to_array("features").alias("features"), "label")
    lists.write.parquet(str(tmp_path / "in"))
    stream = spark.readStream.schema(lists.schema).parquet(str(tmp_path / "in"))
    query = (
        model.transform(stream)
        .writeStream.format("memory")
        .queryName("scored")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(300)
    found, expected = (
        sorted((row.label, row.prediction, tuple(row.probability)) for row in df.collect())
        for df in (spark.table("scored"), model.transform(lists))
    )
    np.testing.assert_allclose(
        np.array([(a, b, *c) for a, b, c in found]), np.array([(a, b, *c) for a, b, c in expected])
    )


def test_a_table_without_rows_is_scored(model: DeepNetModel, rows: Any) -> None:
    assert model.transform(rows.limit(0)).collect() == []
    assert model.transform(rows.where("label > 9")).count() == 0


def test_the_summary_tells_of_the_fit(model: DeepNetModel) -> None:
    assert model.hasSummary
    assert model.summary.totalIterations == len(model.summary.objectiveHistory) == 20
    assert model.summary.objectiveHistory[-1] < model.summary.objectiveHistory[0]
    assert model.summary.rowsPerSecond > 0
    assert len(model.summary.secondsIn("computing")) == 1
    assert model.summary.bestEpoch is None
