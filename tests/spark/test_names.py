"""Columns of any name: compared as the session compares names, refused in a sentence where none is meant alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyspark.sql import functions as F

from spark_deepnet.errors import DataError
from spark_deepnet.layers import Concatenate, Dense, Input, Output
from spark_deepnet.spark.names import CASE, new_name
from tests.spark.data import blobs, estimator, frame

BOTH = pytest.mark.sessions("classic", "connect")
X, Y = blobs(12)
ODD = ["a.b", "a`b", "`a`", "a b.c`", "a.b`.c", "ä.Ö", ".", "`"]


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, X, Y, text=["kept"] * len(Y)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    return estimator(maxIter=1).fit(rows)


@pytest.fixture(params=["false", "true"])
def case(request: pytest.FixtureRequest, spark: Any) -> Iterator[bool]:
    """Whether case makes a difference."""
    spark.conf.set(CASE, request.param)
    yield request.param == "true"
    spark.conf.unset(CASE)


OUTPUTS = [
    ({"predictionCol": "Prediction", "rawPredictionCol": "PREDICTION"}, "text", "different names"),
    ({"predictionCol": "a", "probabilityCol": "A"}, "text", "different names"),
    ({}, "Prediction", "'Prediction' exists already"),
    ({}, "RAWPREDICTION", "'RAWPREDICTION' exists already"),
    ({"predictionCol": "Label"}, "text", "'label' exists already"),
    ({"probabilityCol": "p.`q"}, "P.`Q", "'P.`Q' exists already"),
]
"""Params, the name of a carried column, and the sentence where case makes no difference."""


@BOTH
@pytest.mark.parametrize(("params", "carried", "sentence"), OUTPUTS)
def test_names_of_outputs(rows: Any, model: Any, case: bool, params: Any, carried: str, sentence: str) -> None:
    df = rows.withColumnRenamed("text", carried)
    told = model.copy({model.getParam(name): value for name, value in params.items()})
    if case:
        found = told.transform(df)
        assert len(set(found.columns)) == 6
        assert found.first()[carried] == "kept"
        return
    with pytest.raises(DataError, match=f"^transform: .*{sentence}.*{CASE} is false"):
        told.transform(df)


def test_names_of_inputs(rows: Any, case: bool) -> None:
    """A Param's name in another case, and a column that differs from it by that alone."""
    twins = rows.withColumn("twin", F.col("label")).toDF("features", "label", "text", "LABEL")
    if case:
        estimator(maxIter=1, labelCol="LABEL").fit(twins)
        with pytest.raises(DataError, match=r"^labelCol: there is no column 'Label'; "):
            estimator(maxIter=1, labelCol="Label").fit(rows)
        return
    estimator(maxIter=1, labelCol="Label", featuresCol="FEATURES").fit(rows).transform(rows).collect()
    with pytest.raises(DataError, match=f"^labelCol: 'label' names 2 columns, 'label', 'LABEL'; .*{CASE} is false"):
        estimator(maxIter=1).fit(twins)


@pytest.mark.parametrize("param", ["featuresCol", "labelCol", "weightCol", "validationIndicatorCol"])
def test_a_column_that_is_there_twice(rows: Any, param: str) -> None:
    df = rows.withColumn("weight", F.lit(1.0)).withColumn("held", F.col("label") > 1)
    names = {"featuresCol": "features", "labelCol": "label", "weightCol": "weight", "validationIndicatorCol": "held"}
    twice = df.withColumn("again", F.col(names[param])).toDF(*df.columns, names[param])
    with pytest.raises(DataError, match=f"^{param}: '{names[param]}' names 2 columns, .*; rename or drop all but one$"):
        estimator(**names).fit(twice)


def test_columns_that_are_carried_twice_do_no_harm(rows: Any, model: Any) -> None:
    twice = rows.toDF("features", "label", "x").withColumn("y", F.lit(1)).toDF("features", "label", "x", "x")
    estimator(maxIter=1).fit(twice)
    found = model.transform(twice)
    assert found.columns[:4] == twice.columns
    assert found.first()[2:4] == ("kept", 1)


@BOTH
def test_dots_and_backticks_everywhere(spark: Any, rows: Any) -> None:
    """As names of every column that is read or written, of layers, and in the uid."""
    *columns, first, second = ODD
    names = dict(
        zip(("featuresCol", "labelCol", "weightCol", "predictionCol", "probabilityCol"), columns, strict=False)
    )
    df = rows.select(
        F.col("features").alias(names["featuresCol"]), F.col("label").alias(names["labelCol"]),
        F.lit(1.0).alias(names["weightCol"]), F.col("features").alias(first), F.array(F.lit(1.0)).alias(second),
    )  # fmt: skip
    layers = [
        Input(name="X.`y", column=first), Input(name="x.`Y", column=second),
        Concatenate(inputs=("X.`y", "x.`Y")), Dense(3, "softmax", name="top.`"), Output(column=names["labelCol"]),
    ]  # fmt: skip
    for told in {}, {"layers": layers}:
        net = estimator(maxIter=1, **names | told)
        net._resetUid("uid.`of mine")
        scored = net.fit(df).transform(df)
        assert scored.columns == [*df.columns, names["predictionCol"], "rawPrediction", names["probabilityCol"]]
        assert len(scored.collect()) == len(Y)


WAYS: dict[str, Callable[[Any], Any]] = {
    "a fit": lambda rows: estimator(maxIter=1, numTrainWorkers=2).fit(rows).weights,
    "rounds": lambda rows: estimator(maxIter=1, exchange="spark").fit(rows).weights,
    "a transform": lambda rows: estimator(maxIter=1).fit(rows).transform(rows).collect(),
}


@BOTH
@pytest.mark.filterwarnings("ignore:The SQL config:UserWarning")  # it is deprecated
@pytest.mark.parametrize("way", WAYS)
def test_columns_of_pandas_frames_may_be_taken_by_their_place(spark: Any, rows: Any, way: str) -> None:
    name = "spark.sql.legacy.execution.pandas.groupedMap.assignColumnsByName"
    expected = WAYS[way](rows)
    spark.conf.set(name, "false")
    try:
        assert str(WAYS[way](rows)) == str(expected)
    finally:
        spark.conf.unset(name)


def test_a_new_name_is_no_columns_whatever_the_case(rows: Any) -> None:
    df = rows.toDF("Scored", "scored_", "x")
    assert new_name(df, "scored") == "scored__"
