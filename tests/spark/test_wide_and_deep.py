"""The network that is written from a table's metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.feature import StringIndexer

import spark_deepnet
from spark_deepnet import DeepNetEstimator, wide_and_deep
from spark_deepnet.errors import DataError, ParamError
from spark_deepnet.spark.wide_and_deep import _width, categories_of

BOTH = pytest.mark.sessions("classic", "connect")


@pytest.fixture(scope="module")
def table(spark: Any) -> Any:
    """Where neither column alone tells the class."""
    chance = np.random.default_rng(0)
    rows = pd.DataFrame({"place": chance.choice(list("xyz"), 300), "sex": chance.choice(list("uv"), 300)})
    rows["age"] = chance.normal(40.0, 10.0, 300)
    rows["kind"] = np.where((rows.place == "x") ^ (rows.sex == "u"), "p", "q")
    indexer = StringIndexer(
        inputCols=["place", "sex", "kind"], outputCols=["place_index", "sex_index", "label"], handleInvalid="keep"
    )
    df = spark.createDataFrame(rows)
    return indexer.fit(df).transform(df).cache()


@BOTH
def test_categories_are_embedded_and_learned(table: Any) -> None:
    layers = wide_and_deep(table, ["place_index", "sex_index", "age"], hidden=(16,), dropout=0.1)
    model = DeepNetEstimator(layers=layers, numTrainWorkers=1, maxIter=30, batchSize=32, seed=1).fit(table)
    assert model.weights["place_index_embedding/E"].shape == (4, _width(4)), "3 places, and one for others"
    assert model.weights["sex_index_wide/E"].shape == (3, 3), "kinds p and q, and one for others"
    assert model.evaluate(table).accuracy > 0.95


def test_the_wide_part_starts_at_zero_and_a_regression_ends_in_one_number(table: Any) -> None:
    layers = wide_and_deep(table, ["place_index"], "age", classes=0)
    net = DeepNetEstimator(layers=layers, labelCol="age", numTrainWorkers=1, learningRate=1e-12, maxIter=1)
    model = net.fit(table)
    assert np.abs(model.weights["place_index_wide/E"]).max() < 1e-9
    assert isinstance(model.transform(table).first().prediction, float)


def test_columns_without_categories_make_a_deep_net_alone(table: Any) -> None:
    assert "embedding" not in repr(spark_deepnet.DeepNetEstimator(layers=wide_and_deep(table, ["age"])).getLayers())


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"inputCols": "age"}, ParamError, "inputCols must be a list of different columns, found 'age'"),
        ({"inputCols": []}, ParamError, "inputCols must be a list of different columns"),
        ({"inputCols": ["age", "age"]}, ParamError, "inputCols must be a list of different columns"),
        ({"inputCols": ["agee"]}, DataError, "there is no column 'agee'; did you mean 'age'"),
        ({"inputCols": ["place"]}, DataError, "'place' is string.*StringIndexer makes numbers of texts"),
        (
            {"inputCols": ["age"], "labelCol": "age"},
            ParamError,
            "column 'age' do not say how many classes.*0 for a regression",
        ),
        ({"inputCols": ["age"], "classes": 1}, ParamError, "classes must be 2 or more, or 0 for a regression, found 1"),
    ],
)
def test_mistakes_are_told_in_a_sentence(table: Any, arguments: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        wide_and_deep(table, **arguments)


def test_binary_and_counted_columns_are_categories(table: Any) -> None:
    field = table.schema["age"]
    for known, count in (({"type": "binary"}, 2), ({"type": "nominal", "num_vals": 5}, 5), ({"type": "numeric"}, 0)):
        field.metadata = {"ml_attr": known}
        assert categories_of(field) == count
