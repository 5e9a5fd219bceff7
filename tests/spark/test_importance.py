"""Permutation importance: features that tell the label come first, whatever form they have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.ml.feature import StringIndexer, VectorAssembler

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import DataError, DeepNetError, ParamError
from spark_deepnet.layers import LSTM, Dense
from tests.spark.data import estimator, frame

BOTH = pytest.mark.sessions("classic", "connect")
ROWS = 240


@pytest.fixture(scope="session")
def table(spark: Any) -> Any:
    """Of a, b and c only b tells the label, and a with it the number."""
    x = np.random.default_rng(0).standard_normal((ROWS, 3))
    data = [
        (*map(float, row), float(row[1] > 0), "yes" if row[1] > 0 else "no", float(3 * row[1] + row[0])) for row in x
    ]
    df = spark.createDataFrame(data, ["a", "b", "c", "label", "answer", "number"])
    assembled = VectorAssembler(inputCols=["a", "b", "c"], outputCol="features").transform(df)
    return StringIndexer(inputCol="answer", outputCol="kind").fit(df).transform(assembled).cache()


def net(**params: Any) -> DeepNetEstimator:
    return estimator(**{"layers": [3, 8, 2], "batchSize": 16, "maxIter": 15} | params)


@BOTH
def test_entries_of_vectors_have_their_names_and_the_one_that_tells_is_first(table: Any) -> None:
    model = net().fit(table)
    found = model.permutationImportance(table, rows=100)
    assert set(found.feature) == {"a", "b", "c"}
    assert found.feature[0] == "b"
    assert found.importance[0] > 0.3
    assert abs(found.importance[1:]).max() < 0.1
    assert (found.attrs["metric"], found.attrs["value"]) == (
        "accuracy",
        pytest.approx(model.evaluate(table).accuracy, abs=0.1),
    )
    assert found.equals(model.permutationImportance(table, rows=100)), "the same seed draws the same"


def test_the_metric_is_that_of_the_summary_where_all_rows_are_taken(table: Any) -> None:
    model = net(weightCol="c2").fit(table.withColumn("c2", table.c * table.c))
    weighed = table.withColumn("c2", table.c * table.c)
    summary = model.evaluate(weighed)
    for metric, expected in (
        ("accuracy", summary.accuracy),
        ("log_loss", summary.logLoss),
        ("auc", summary.areaUnderROC),
    ):
        found = model.permutationImportance(weighed, metric=metric, repeats=1)
        assert found.attrs["value"] == pytest.approx(expected, rel=1e-4)
        assert found.feature[0] == "b"


def test_columns_texts_and_one_score(table: Any) -> None:
    """Several numeric columns; labels that are texts; a network with a single yes-or-no score."""
    model = net(featuresCols=["a", "b", "c"], labelCol="kind").fit(table)
    assert model.permutationImportance(model_rows := table.drop("features"), repeats=1).feature[0] == "b"
    by_text = model.copy({model.labelCol: "answer"})
    assert by_text.permutationImportance(model_rows, repeats=1).attrs["value"] > 0.8
    single = net(layers=[Dense(8, "relu"), Dense(1, "sigmoid")]).fit(table)
    assert single.permutationImportance(table, repeats=1).feature[0] == "b"


def test_numbers(table: Any) -> None:
    model = net(layers=[Dense(8, "relu"), Dense(1)], labelCol="number", standardization=True).fit(table)
    found = model.permutationImportance(table)
    assert list(found.feature) == ["b", "a", "c"]
    assert found.attrs["value"] == pytest.approx(model.evaluate(table).r2, rel=1e-4)
    lower = model.permutationImportance(table, metric="rmse")
    assert lower.feature[0] == "b"
    assert lower.importance[0] > 0, "a larger error counts as worse"


def test_sequences_are_one_feature_each(spark: Any) -> None:
    x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    rows = frame(spark, x, (x[:, 0] > 0).astype(int))
    model = net(layers=[LSTM(4), Dense(2, "softmax")], inputShape=[3, 2]).fit(rows)
    assert list(model.permutationImportance(rows, repeats=2).feature) == ["features"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"rows": 1}, ParamError, "rows must be an int of at least 2, found 1"),
        ({"repeats": 0}, ParamError, "repeats must be an int of at least 1, found 0"),
        ({"metric": "rmse"}, ParamError, "rmse needs a loss of numbers"),
        ({"metric": "acuracy"}, ParamError, "did you mean 'accuracy'"),
    ],
)
def test_mistakes(table: Any, given: dict[str, Any], error: Any, words: str) -> None:
    model = net(maxIter=1).fit(table)
    with pytest.raises(error, match=words):
        model.permutationImportance(table, **given)
    with pytest.raises(DataError, match=r"2 rows or more.*found 0"):
        model.permutationImportance(table.where("label > 7"))


@BOTH
def test_integrated_gradients_are_columns(table: Any) -> None:
    """Their sum is what the score gains over that of the baseline, the means of the training rows."""
    model = net(standardization=True).fit(table)
    found = model.transform(model.integratedGradients(table, "why")).toPandas()
    why, raw = (np.stack([cell.toArray() for cell in found[name]]) for name in ("why", model.getRawPredictionCol()))
    means = [float(table.selectExpr(f"avg({name})").first()[0]) for name in "abc"]
    gains = (raw - model.predictRaw(means).toArray())[np.arange(ROWS), found.prediction.astype(int)]
    np.testing.assert_allclose(why.sum(1), gains, atol=0.05 * abs(gains).max())
    assert np.abs(why).mean(0).argmax() == 1
    zeros = model.integratedGradients(table, target=0, baseline=[0.0, 0.0, 0.0], steps=4)
    assert zeros.columns == [*table.columns, "attributions"]
    assert zeros.count() == ROWS
    assert model.integratedGradients(table, output=model.architecture.heads()[0].name).columns == zeros.columns


def test_integrated_gradients_skip_and_keep_rows_without_features(table: Any) -> None:
    model = net(featuresCols=["a", "b", "c"], maxIter=1).fit(table)
    holes = table.selectExpr("case when b > 0 then a end a", "b", "c")
    with_a = holes.where("a is not null").count()
    assert model.copy({model.handleInvalid: "skip"}).integratedGradients(holes).count() == with_a
    kept = model.copy({model.handleInvalid: "keep"}).integratedGradients(holes).toPandas()
    assert sum(np.isnan(cell.toArray()).all() for cell in kept.attributions) == ROWS - with_a


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 0}, "steps must be an int of at least 1, found 0"),
        ({"target": 2}, "target must be a number from 0 to 1, found 2"),
        ({"baseline": [1.0, 2.0]}, "expected a number, or 3 finite numbers"),
        ({"baseline": "none"}, "expected a number, or 3 finite numbers"),
        ({"baseline": {"y": 0}}, "there is no input 'y'"),
        ({"output": "age"}, "there is no output 'age'"),
        ({"outputCol": "label"}, "label"),
    ],
)
def test_integrated_gradients_mistakes(table: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(DeepNetError, match=words):
        net(maxIter=1).fit(table).integratedGradients(table, **given)
