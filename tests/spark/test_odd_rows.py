"""Rows of odd shapes and forms through Spark: arrays of arrays, images, tokens and labels of every type, vectors of any
form."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.mllib.linalg import Vectors as OldVectors
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_deepnet import DeepNetEstimator
from spark_deepnet.data.schema import Columns
from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.layers import LSTM, Conv2D, Dense, Embedding, Flatten, GlobalMaxPool1D, Reshape
from spark_deepnet.plan.architecture import InputSpec
from spark_deepnet.spark.columns.features import source_of
from spark_deepnet.spark.fit.dealing import dealing_key, vector_key
from spark_deepnet.spark.nested import flat_and_shape
from tests.cases.odd_rows import BIG, MALFORMED, WIDTH
from tests.spark.data import estimator

VECTORS = [T.StructField("features", VectorUDT()), T.StructField("label", T.DoubleType())]
BOTH = pytest.mark.sessions("classic", "connect")
NESTED: dict[str, tuple[Any, InputSpec, Any, str | None]] = {
    "as it should be": ([[1, 2, 3], [4, 5, 6]], InputSpec((2, 3)), [1, 2, 3, 4, 5, 6], ""),
    "turned": ([[1, 2], [3, 4], [5, 6]], InputSpec((2, 3)), None, "(3, 2)"),
    "ragged": ([[1, 2], [3, 4, 5, 6]], InputSpec((2, 3)), None, "(2, 2 to 4)"),
    "no rows": ([], InputSpec((2, 3)), None, "(0)"),
    "null": (None, InputSpec((2, 3)), None, ""),
    "null within": ([[1, 2, 3], None], InputSpec((2, 3)), None, ""),
    "last axes joined": ([[1, 2], [3, 4]], InputSpec((2, 2, 1)), [1, 2, 3, 4], ""),
    "steps": ([[1, 2], [3, 4], [5, 6]], InputSpec((2, 2), steps=True), [1, 2, 3, 4, 5, 6], ""),
    "no steps": ([], InputSpec((2, 2), steps=True), [], ""),
    "ragged steps": ([[1, 2], [3], [4, 5, 6]], InputSpec((2, 2), steps=True), None, "(3, 1 to 3)"),
    "steps of nothing": ([[], []], InputSpec((2, 2), steps=True), None, "(2, 0)"),
}


@BOTH
@pytest.mark.parametrize("ansi", ["true", "false"])
def test_arrays_of_arrays_are_checked_axis_by_axis(spark: Any, ansi: str) -> None:
    rows = [(name, x) for name, (x, *_) in NESTED.items()]
    before = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        df = spark.createDataFrame(rows, "name string, x array<array<int>>").coalesce(1)
        columns = [
            F.when(F.col("name") == name, F.struct(*flat_and_shape(F.col("x"), 2, entry))).alias(name)
            for name, (_, entry, _, _) in NESTED.items()
        ]
        found = {row["name"]: row[row["name"]] for row in df.select("name", *columns).collect()}
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)
    assert {name: (row[0], row[1]) for name, row in found.items()} == {
        name: (flat, shape) for name, (_, _, flat, shape) in NESTED.items()
    }


def test_and_deeper_ones(spark: Any) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    ragged = [[[1.0]], [[2.0, 3.0], [4.0]]]
    df = spark.createDataFrame(
        [(x.tolist(),), (x.transpose(1, 0, 2).tolist(),), (ragged,)], "x array<array<array<double>>>"
    )
    rows = df.select(*flat_and_shape(F.col("x"), 3, InputSpec((2, 3, 4)))).collect()
    assert [row[1] for row in rows] == ["", "(3, 2, 4)", "(2, 1 to 2, 1 to 2)"]
    assert [row[0] for row in rows] == [list(range(24)), None, None]


def test_rows_of_another_shape_are_refused_by_fit_and_transform(spark: Any) -> None:
    sound = [([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 0.0), ([[0.0] * 3] * 2, 1.0)]
    schema = "x array<array<double>>, label double"
    net = estimator(layers=[Flatten(), Dense(2, "softmax")], featuresCol="x", inputShape=[2, 3], maxIter=1)
    good, turned = spark.createDataFrame(sound, schema), [([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], 1.0)]
    model = net.fit(good)
    bad = spark.createDataFrame([*sound, *turned], schema)
    with pytest.raises(DataError, match=r"rows of shape \(3, 2\), but the first layer takes \(2, 3\); .* \(1 found\)"):
        net.fit(bad)
    with pytest.raises(Exception, match=r"rows of shape \(3, 2\)"):
        model.transform(bad).select("prediction").collect()
    with pytest.raises(DataError, match="2 axes, but the first layer takes rows of shape"):
        net.copy({net.inputShape: [6]}).setLayers([Dense(2, "softmax")]).fit(good)
    with pytest.raises(DataError, match=r"expected a row of shape \(2, 3\)"):
        model.predict(np.zeros((3, 2)))


def test_a_row_without_steps_is_a_row(spark: Any) -> None:
    df = spark.createDataFrame([([], 1.0), ([[1.0, 2.0], [3.0, 4.0]], 0.0)], "x array<array<double>>, label double")
    model = estimator(layers=[LSTM(3), Dense(2, "softmax")], featuresCol="x", maxIter=1).fit(df)
    assert model.transform(df).count() == 2
    ragged = spark.createDataFrame([([[1.0, 2.0], [3.0]], 0.0)], df.schema).union(df)
    with pytest.raises(
        DataError, match=r"rows of ragged shape \(2, 1 to 2\), but the first layer takes \(any steps, 2\)"
    ):
        estimator(layers=[LSTM(3), Dense(2, "softmax")], featuresCol="x", inputShape=[-1, 2], maxIter=1).fit(ragged)


FIELDS = ["height int", "width int", "nChannels int", "mode int", "data binary"]
IMAGE = f"image struct<origin:string,{','.join(f.replace(' ', ':') for f in FIELDS)}>, label double"


def test_images_are_checked_by_their_own_sizes(spark: Any) -> None:
    def image(*sizes: int, mode: int = 0) -> tuple[Any, ...]:
        return ("", *sizes, mode, bytearray(abs(int(np.prod(sizes)))))

    sound = [(image(4, 6, 1), 0.0), (image(4, 6, 1), 1.0)]
    net = estimator(layers=[Conv2D(2, 3), Flatten(), Dense(2, "softmax")], featuresCol="image", maxIter=1)
    model = net.fit(spark.createDataFrame(sound, IMAGE))
    for bad, said in ((image(6, 4, 1), r"shape \(6, 4, 1\)"), (image(4, 6, 1, mode=5), "CV_8U")):
        rows = spark.createDataFrame([*sound, (bad, 1.0)], IMAGE)
        with pytest.raises(DataError, match=said):
            net.fit(rows)
        with pytest.raises(Exception, match=said):
            model.transform(rows).select("prediction").collect()
    undefined = spark.createDataFrame([*sound, (("", -1, -1, -1, -1, bytearray()), 1.0), (None, 1.0)], IMAGE).coalesce(
        1
    )
    assert model.copy().setHandleInvalid("skip").transform(undefined).count() == 2
    row = spark.createDataFrame(sound, IMAGE).head()
    assert model.predict(row["image"]) in (0.0, 1.0)
    with pytest.raises(DataError, match=r"shape \(6, 4, 1\)"):
        model.predict(spark.createDataFrame([(image(6, 4, 1), 1.0)], IMAGE).head()["image"])
    with pytest.raises(DataError, match="holds images, of height, width and channels"):
        net.copy({net.inputShape: [24]}).setLayers([Dense(2, "softmax")]).fit(spark.createDataFrame(sound, IMAGE))


@pytest.fixture(scope="module")
def malformed(spark: Any) -> Any:
    """All malformed vectors, which no constructor sees, by name."""
    raw = "name string, features struct<type:tinyint,size:int,indices:array<int>,values:array<double>>, label double"
    sound = [("", (0, WIDTH, [i % WIDTH], [1.0]), float(i % 3)) for i in range(6)]
    bad = [(name, parts, 1.0) for name, parts in MALFORMED.items()]
    return spark.createDataFrame([*sound, *bad], raw)


def test_malformed_vectors_are_refused_with_their_count(spark: Any, malformed: Any, tmp_path: Any) -> None:
    malformed.write.parquet(f"{tmp_path}/rows")
    schema = T.StructType(
        [
            T.StructField("name", T.StringType()),
            T.StructField("features", VectorUDT()),
            T.StructField("label", T.DoubleType()),
        ]
    )
    rows = spark.read.schema(schema).parquet(f"{tmp_path}/rows").cache()
    net = estimator(layers=[WIDTH, 5, 3], maxIter=1, numTrainWorkers=2)
    with pytest.raises(DataError, match=rf"malformed vectors; .* \({len(MALFORMED)} found\)"):
        net.fit(rows)
    model = net.fit(rows.where("name = ''"))
    with pytest.raises(Exception, match="DataError: transform: column 'features': rows of malformed vectors"):
        model.transform(rows).select("prediction").collect()
    broken = Vectors.sparse(WIDTH, [1], [1.0])
    broken.indices = np.array([50_000_000], np.int32)
    with pytest.raises(DataError, match="malformed vectors"):
        model.predict(broken)
    assert model.predict(SparseVector(WIDTH, [1], [1.0])) == model.predict(np.eye(WIDTH)[1])


FORMS = [
    lambda row: Vectors.dense(row),
    lambda row: Vectors.sparse(len(row), [(i, float(v)) for i, v in enumerate(row) if v]),
    lambda row: Vectors.sparse(len(row), [(i, float(v)) for i, v in enumerate(row)]),  # with its zeros
]


@pytest.mark.parametrize("width", [7, 5000])
def test_vectors_of_equal_values_are_dealt_alike(spark: Any, width: int) -> None:
    rng = np.random.default_rng(3)
    rows = np.where(rng.random((12, width)) < 0.6, 0.0, rng.normal(size=(12, width)))
    rows[0] = 0
    rows[1, :3] = -0.0, 1e300, 0.1
    rows[2, -1] = np.nan
    cells = [(i, k, make(row)) for i, row in enumerate(rows) for k, make in enumerate(FORMS)]
    df = spark.createDataFrame(cells, ["row", "form", "features"])
    columns, source = source_of(df, InputSpec((width,)), ["features"])
    sent = df.select("row", "form", *columns, vector_key("features", source))
    key = dealing_key(sent.drop("row", "form"), Columns((source,)))
    keys = {(r["row"], r["form"]): r["key"] for r in sent.select("row", "form", key.alias("key")).collect()}
    for i in range(len(rows)):
        assert len({keys[i, k] for k in range(len(FORMS))}) == 1, i
    assert len(set(keys.values())) == len(rows)


def test_a_fit_on_mixed_vectors_deals_as_one_on_dense_ones(spark: Any) -> None:
    rng = np.random.default_rng(5)
    rows = np.where(rng.random((60, 4)) < 0.5, 0.0, rng.integers(-3, 4, (60, 4)))
    shares = []
    for forms in (FORMS[:1], FORMS):
        cells = [(forms[i % len(forms)](row), float(i % 3)) for i, row in enumerate(rows)]
        shares.append(
            estimator(maxIter=1, numTrainWorkers=2)
            .fit(spark.createDataFrame(cells, ["features", "label"]))
            .summary.rowsByRank
        )
    assert shares[0] == shares[1]


TOKENS = ["array<tinyint>", "array<bigint>", "array<float>", "array<decimal(12,0)>"]


def test_tokens_of_every_type_train_alike(spark: Any) -> None:
    rows = [([1, 2, 3], 0.0), ([7, 8], 1.0), ([], 2.0), ([5], 1.0)] * 3
    df = spark.createDataFrame(rows, "x array<int>, label double").cache()
    net = estimator(
        layers=[Embedding(9, 3), GlobalMaxPool1D(), Dense(3, "softmax")], featuresCol="x", numTrainWorkers=2
    )
    first, *others = [net.fit(df.withColumn("x", F.col("x").cast(kind))) for kind in TOKENS]
    for other in others:
        assert all(np.array_equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_large_tokens_stay_apart(spark: Any) -> None:
    df = spark.createDataFrame([([BIG - 1], 0.0), ([BIG], 1.0)] * 4, "x array<bigint>, label double")
    layers = [Embedding(BIG + 1, 1), Flatten(), Dense(2, "softmax")]
    net = estimator(layers=layers, featuresCol="x", inputShape=[1], maxIter=40, learningRate=0.1)
    model = net.fit(df)
    found = {row["x"][0]: row["prediction"] for row in model.transform(df).collect()}
    assert found == {BIG - 1: 0.0, BIG: 1.0}
    assert [model.predict([BIG - 1]), model.predict([BIG])] == [0.0, 1.0]
    with pytest.raises(DataError, match="is of floats, which tell tokens apart up to 16777216"):
        net.fit(df.withColumn("x", F.col("x").cast("array<float>")))
    with pytest.raises(NetworkError, match="a vocabulary of 16777218 after 'reshape'"):
        net.copy().setLayers([Reshape((1,)), *layers]).fit(df)
    with pytest.raises(DataError, match=f"tokens such as {BIG + 1};"):
        net.fit(df.withColumn("x", F.array(F.lit(BIG + 1))))


def test_labels_of_every_step_stay_whole(spark: Any) -> None:
    df = spark.createDataFrame([([[1.0], [2.0]], [0, 2**53 + 1])], "x array<array<double>>, label array<bigint>")
    net = estimator(layers=[Dense(3, "softmax")], featuresCol="x", maxIter=1)
    with pytest.raises(DataError, match=f"unknown labels such as {2**53 + 1};"):
        net.fit(df)
    assert net.fit(df.withColumn("label", F.expr("array(0L, 2L)"))).summary.totalIterations == 1


def test_flags_are_features(spark: Any) -> None:
    df = spark.createDataFrame([([True, False], 0.0), ([False, True], 1.0)], "x array<boolean>, label double")
    model = estimator(layers=[2, 2], featuresCol="x", maxIter=1).fit(df)
    assert model.transform(df).count() == 2


@BOTH
def test_old_vectors_are_told_from_new_ones(spark: Any) -> None:
    df = spark.createDataFrame([(OldVectors.dense([1.0, 2.0]), 1.0)], ["features", "label"])
    with pytest.raises(DataError, match=r"pyspark\.mllib\.linalg.*MLUtils\.convertVectorColumnsToML"):
        estimator(layers=[2, 2]).fit(df)
    with pytest.raises(DataError, match=r"labelCol.*pyspark\.mllib\.linalg"):
        DeepNetEstimator(layers=[Dense(2)], featuresCol="label", labelCol="features").fit(df)


def test_null_marks_for_validation_are_refused(spark: Any) -> None:
    schema = T.StructType(
        [
            T.StructField("features", VectorUDT()),
            T.StructField("label", T.DoubleType()),
            T.StructField("held", T.BooleanType()),
        ]
    )
    df = spark.createDataFrame(
        [
            (Vectors.dense([1.0, 2.0]), 1.0, True),
            (Vectors.dense([0.0, 2.0]), 0.0, None),
            (Vectors.dense([0.0, 1.0]), 0.0, False),
        ],
        schema,
    )
    with pytest.raises(DataError, match=r"'held': null.*\(1 found\)"):
        estimator(layers=[2, 2], validationIndicatorCol="held").fit(df)


def test_features_that_float32_takes_for_equal_are_told_of_once(spark: Any, caplog: pytest.LogCaptureFixture) -> None:
    df = spark.range(40, numPartitions=2).select(
        (F.col("id") / 40).alias("a"), (F.col("id") + 1_700_000_000).alias("seconds"), (F.col("id") % 2).alias("label")
    )
    forms: list[dict[str, Any]] = [{"featuresCols": ["a", "seconds"]}, {"featuresCol": "v"}]
    df = df.withColumn("v", array_to_vector(F.array("a", "seconds"))).cache()
    for told in forms:
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="spark_deepnet"):
            estimator(layers=[2, 2], maxIter=1, numTrainWorkers=2, **told).fit(df)
        (line,) = [record.getMessage() for record in caplog.records if "float32" in record.getMessage()]
        assert "feature 1: 17000000" in line
        assert repr(told.get("featuresCol", "a, seconds")) in line
    caplog.clear()
    estimator(layers=[1, 2], featuresCols=["a"], maxIter=1).fit(df)
    assert not [record for record in caplog.records if "float32" in record.getMessage()]
