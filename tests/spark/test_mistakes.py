"""What a newcomer does with rows: what is left out is counted, what is odd is warned of, what is wrong is one sentence."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from pyspark.ml.evaluation import (
    MulticlassClassificationEvaluator,
    MultilabelClassificationEvaluator,
    RegressionEvaluator,
)
from pyspark.ml.feature import CountVectorizer
from pyspark.ml.functions import array_to_vector
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator, DeepNetModel, TokenIds
from spark_deepnet.errors import DataError, ParamError
from spark_deepnet.layers import Dense, Embedding, Flatten, GlobalAveragePool1D, Rescaling, Resizing
from spark_deepnet.optimizers import Momentum
from tests.spark.data import blobs, estimator, frame, same

BOTH = pytest.mark.sessions("classic", "connect")
ALSO_SLOWLY = pytest.mark.sessions("classic", slowly="connect")


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    x, y = blobs(40)
    return frame(spark, x, y, number=range(40)).cache()


def logged(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    return [record.message for record in caplog.records if part in record.message]


@pytest.mark.parametrize("exchange", ["sockets", "spark"])
def test_rows_with_nulls_are_skipped_in_a_fit_and_counted(
    rows: Any, exchange: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = F.col("number") == 3, F.col("number") == 17
    gaps = rows.withColumn("features", F.when(~first, F.col("features"))).withColumn(
        "label", F.when(second, float("nan")).otherwise(F.col("label"))
    )
    whole = rows.where(~first & ~second)
    skipping = estimator(handleInvalid="skip", exchange=exchange)
    with caplog.at_level(logging.WARNING, "spark_deepnet"):
        model = skipping.fit(gaps)
    assert same(model, skipping.fit(whole))
    assert len(logged(caplog, "handleInvalid='skip' left out 2 rows")) == 1
    for other in ("error", "keep"):
        with pytest.raises(DataError, match="handleInvalid='skip' leaves such rows out"):
            estimator(handleInvalid=other, exchange=exchange).fit(gaps)


def test_rows_that_do_not_fit_are_not_skipped(rows: Any) -> None:
    short = F.when(F.col("number") == 3, array_to_vector(F.array(F.lit(1.0))))
    wrong = rows.withColumn("features", short.otherwise(F.col("features")))
    with pytest.raises(DataError, match="length 1, but the first layer takes 4"):
        estimator(handleInvalid="skip").fit(wrong)
    fraction = rows.withColumn("label", F.lit(0.5))
    with pytest.raises(DataError, match="fractional"):
        estimator(handleInvalid="skip").fit(fraction)


def test_where_every_row_is_skipped_that_is_the_error(rows: Any) -> None:
    with pytest.raises(DataError, match="no rows to train on beside the 40 that handleInvalid='skip' leaves out"):
        estimator(handleInvalid="skip").fit(rows.withColumn("label", F.lit(None).cast("double")))


def test_labels_that_start_at_1_are_warned_of(rows: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "spark_deepnet"):
        model = estimator(layers=[4, 5, -1]).fit(rows.withColumn("label", F.col("label") + 1))
    assert model.numClasses == 4
    (warning,) = logged(caplog, "StringIndexer")
    assert "labels 1 to 3, so the network gets 4 classes, of which no row has class 0" in warning
    caplog.clear()
    estimator(layers=[4, 5, -1]).fit(rows)
    assert not logged(caplog, "StringIndexer")


@BOTH
def test_scoring_rows_of_another_length_ends_in_one_sentence(rows: Any) -> None:
    model = estimator(maxIter=1).fit(rows)
    short = rows.withColumn("features", array_to_vector(F.array(F.lit(1.0), F.lit(2.0))))
    with pytest.raises(Exception, match="rows of length 2, but the first layer takes 4") as raised:
        model.transform(short).collect()
    python = str(raised.value).partition("JVM stacktrace")[0]
    assert "Traceback" not in python
    assert ".py" not in python
    assert model.transform(rows).count() == 40, "and others are scored as before"


@ALSO_SLOWLY
def test_texts_become_token_ids_by_a_vocabulary(spark: Any, tmp_path: Any) -> None:
    texts = spark.createDataFrame(
        [(["b", "a", "zzz"], 0.0), (["a"], 1.0), ([], 1.0), (["a", "b", "b"], 0.0)], ["words", "label"]
    )
    if "connect" in type(texts).__module__:
        vocabulary = ["b", "a"]
    else:
        vocabulary = CountVectorizer(inputCol="words", vocabSize=2, minDF=2.0).fit(texts).vocabulary
    assert sorted(vocabulary) == ["a", "b"]
    ids = TokenIds(inputCol="words", vocabulary=vocabulary)
    ids.save(f"{tmp_path}/ids")
    ids = TokenIds.load(f"{tmp_path}/ids")
    found = [row.features for row in ids.transform(texts).select("features").collect()]
    assert found == [[1 + vocabulary.index(w) if w in vocabulary else 0 for w in r.words] for r in texts.collect()]
    layers = [Embedding(ids.getSize(), 3), GlobalAveragePool1D(), Dense(2, "softmax")]
    model = DeepNetEstimator(layers=layers, maxIter=1, numTrainWorkers=1).fit(ids.transform(texts))
    assert model.weights["embedding/E"].shape == (3, 3)


def test_what_is_wrong_with_token_ids(spark: Any) -> None:
    df = spark.createDataFrame([("a b",)], ["text"]).withColumn("words", F.array("text"))
    with pytest.raises(DataError, match="column 'text' is string; expected an array of words"):
        TokenIds(inputCol="text", vocabulary=["a"]).transform(df)
    with pytest.raises(ParamError, match="vocabulary is not set; CountVectorizer's model has one"):
        TokenIds(inputCol="words").transform(df)
    with pytest.raises(ParamError, match="some words twice"):
        TokenIds(inputCol="words", vocabulary=["a", "a"]).transform(df)
    with pytest.raises(ParamError, match="inputCol is not set"):
        TokenIds(vocabulary=["a"]).transform(df)


def pictures(spark: Any, sizes: list[tuple[int, int]], folder: str = "") -> Any:
    """Images as of Spark's image source, each of one grey by its label."""
    rows = [
        ((f"file:/{folder}{k}.png", h, w, 3, 16, bytearray([40 + 150 * (k % 2)]) * (h * w * 3)), float(k % 2))
        for k, (h, w) in enumerate(sizes)
    ]
    image = "origin string, height int, width int, nChannels int, mode int, data binary"
    return spark.createDataFrame(rows, f"image struct<{image}>, label double")


@ALSO_SLOWLY
def test_pictures_of_any_size_are_resized_as_they_are_read(spark: Any, tmp_path: Any) -> None:
    mixed, even = pictures(spark, [(3, 5), (8, 2), (1, 1), (6, 6)] * 3), pictures(spark, [(4, 4)] * 12)
    layers = [Resizing(4, 4), Rescaling(1 / 255), Flatten(), Dense(2, "softmax")]
    net = DeepNetEstimator(layers=layers, featuresCol="image", numTrainWorkers=1, maxIter=4, batchSize=4)
    model = net.fit(mixed)
    assert same(model, net.fit(even)), "a picture of one grey is that grey in any size"
    two = net.copy({net.numTrainWorkers: 2})
    moved = pictures(spark, [(3, 5), (8, 2), (1, 1), (6, 6)] * 3, folder="other/")
    assert same(two.fit(mixed), two.fit(moved)), "the files' names are no values"
    model.save(f"{tmp_path}/model")
    loaded = DeepNetModel.load(f"{tmp_path}/model")
    for each in (mixed, even):
        found = loaded.transform(each).select("probability").collect()
        assert found == model.transform(even).select("probability").collect()
    row = mixed.head()
    np.testing.assert_allclose(loaded.predictProbability(row.image), found[0].probability, rtol=1e-5)
    grey = mixed.withColumn("image", F.col("image").withField("nChannels", F.lit(1)))
    with pytest.raises(DataError, match=r"such as file:/.*png, but the first layer takes images of 3 channels"):
        net.setInputShape([4, 4, 3]).fit(grey)


@ALSO_SLOWLY
def test_two_targets_have_a_prediction_each(rows: Any, tmp_path: Any) -> None:
    df = rows.withColumn("a", F.col("number") / 40.0).withColumn("b", -F.col("number") / 20)
    net = estimator(layers=[Dense(5, "tanh"), Dense(2)], labelCols=["a", "b"])
    model = net.fit(df)
    arrays = estimator(layers=net.getLayers(), labelCol="c").fit(df.withColumn("c", F.array("a", "b")))
    assert same(model, arrays)
    model.save(f"{tmp_path}/model")
    scored = DeepNetModel.load(f"{tmp_path}/model").transform(df)
    assert scored.columns[-3:] == ["prediction", "prediction_a", "prediction_b"]
    assert [f.dataType for f in scored.schema.fields] == [f.dataType for f in model.transformSchema(df.schema).fields]
    for row in scored.collect():
        assert list(row.prediction) == [row.prediction_a, row.prediction_b]
    assert all(RegressionEvaluator(labelCol=c, predictionCol=f"prediction_{c}").evaluate(scored) > 0 for c in "ab")
    errors = [row["meanSquaredError"] ** 0.5 for row in model.evaluate(df).byTarget]
    assert errors == pytest.approx(
        [RegressionEvaluator(labelCol=c, predictionCol=f"prediction_{c}").evaluate(scored) for c in "ab"]
    )
    with pytest.raises(ParamError, match="labelCols: 2 columns, but the last layer has 3 units; give it 2"):
        estimator(layers=[Dense(3)], labelCols=["a", "b"]).fit(df)
    with pytest.raises(DataError, match="labelCols: there is no column 'bb'"):
        estimator(layers=[Dense(2)], labelCols=["a", "bb"]).fit(df)
    with pytest.raises(ParamError, match="beside labelCol='label'; leave one of them unset"):
        estimator(layers=[Dense(2)], labelCols=["a", "b"], labelCol="label").fit(df)


@BOTH
def test_several_labels_have_a_column_of_their_ids(rows: Any) -> None:
    flags = F.array(*[(F.col("label") >= k).cast("double") for k in range(3)])
    df = rows.withColumn("flags", flags).withColumn(
        "ids", F.array_sort(F.sequence(F.lit(0), F.col("label").cast("int")))
    )
    df = df.withColumn("ids", F.col("ids").cast("array<double>"))
    model = estimator(layers=[Dense(3, "sigmoid")], labelCol="flags", maxIter=30).fit(df)
    scored = model.transform(df)
    assert scored.schema["predictedLabels"].dataType.simpleString() == "array<double>"
    for row in scored.collect():
        assert row.predictedLabels == [k for k, yes in enumerate(row.prediction) if yes]
    evaluator = MultilabelClassificationEvaluator(
        labelCol="ids", predictionCol="predictedLabels", metricName="f1Measure"
    )
    assert evaluator.evaluate(scored) > 0.7
    assert "predictedLabels" not in model.copy({model.predictedLabelsCol: ""}).transform(df).columns


@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")  # upstream's
def test_the_layers_of_the_best_model_are_objects(rows: Any) -> None:
    nets = [[Dense(units, "relu"), Dense(3, "softmax")] for units in (2, 8)]
    net = estimator(solver=Momentum(0.8))
    grid = ParamGridBuilder().addGrid(net.layers, nets).build()
    tuned = CrossValidator(
        estimator=net, estimatorParamMaps=grid, evaluator=MulticlassClassificationEvaluator(), numFolds=2, seed=1
    ).fit(rows)
    assert tuned.bestModel.getLayers() in nets
    assert tuned.bestModel.getSolver() == Momentum(0.8)
