"""model.evaluate: what scikit-learn and Spark ML's evaluators say of the same predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import StringIndexer
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import functions as F
from sklearn import metrics as sk

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import DataError, ParamError
from spark_deepnet.layers import Dense, Output
from spark_deepnet.spark.evaluation import roc
from tests.spark.data import blobs, estimator, frame

X, Y = blobs(seed=1)
X = X + np.random.default_rng(5).normal(0, 0.8, X.shape).astype(np.float32)
WEIGHTS = np.random.default_rng(1).integers(1, 4, 90).astype(float)
BOTH = pytest.mark.sessions("classic", "connect")
ALSO_SLOWLY = pytest.mark.sessions("classic", slowly="connect")


@pytest.fixture(scope="module")
def labelled(spark: Any) -> Any:
    numbers = (3 * X[:, 0] + X[:, 1]).astype(float)
    rows = frame(spark, X, Y, weight=WEIGHTS.tolist(), number=numbers.tolist())
    names = F.element_at(F.array(*map(F.lit, ["cat", "dog", "eel"])), F.col("label").cast("int") + 1)
    return rows.withColumn("text", names).persist()


def answers(summary: Any, *columns: str) -> list[np.ndarray]:
    rows = summary.predictions.select(*columns).collect()
    return [np.array([row[c] for row in rows], object).astype(float) for c in columns]


@BOTH
def test_classes_have_the_figures_of_the_peers(labelled: Any) -> None:
    model = estimator(weightCol="weight").fit(labelled)
    summary = model.evaluate(labelled)
    y, z, w = answers(summary, "label", "prediction", "weight")
    np.testing.assert_array_equal(summary.confusionMatrix, sk.confusion_matrix(y, z, sample_weight=w))
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, z, sample_weight=w, zero_division=0)
    np.testing.assert_allclose([summary.precisionByLabel, summary.recallByLabel], [precision, recall])
    np.testing.assert_allclose(summary.fMeasureByLabel(), f1)
    assert summary.balancedAccuracy == pytest.approx(sk.balanced_accuracy_score(y, z, sample_weight=w))
    ours = {
        "accuracy": summary.accuracy,
        "f1": summary.weightedFMeasure(),
        "weightedPrecision": summary.weightedPrecision,
        "weightedRecall": summary.weightedRecall,
        "weightedFalsePositiveRate": summary.weightedFalsePositiveRate,
        "logLoss": summary.logLoss,
    }
    for name, value in ours.items():
        evaluator = MulticlassClassificationEvaluator(metricName=name, weightCol="weight")
        assert value == pytest.approx(evaluator.evaluate(summary.predictions), rel=1e-9), name
    assert (summary.labels, summary.classNames) == ([0.0, 1.0, 2.0], None)
    assert repr(summary).startswith("ClassificationSummary(accuracy=")


@ALSO_SLOWLY
def test_two_classes_have_curves(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    two = labelled.where("label < 2")
    for layers in ([4, 5, 2], [Dense(1, "sigmoid")]):
        summary = estimator(layers=layers, weightCol="weight", rawPredictionCol="").fit(two).evaluate(two)
        raw = vector_to_array("rawPrediction")
        margin = array_to_vector(F.array(raw[0] - raw[1], raw[1] - raw[0]))
        scored = summary.predictions.withColumn("margin", margin)
        evaluator = BinaryClassificationEvaluator(rawPredictionCol="margin", weightCol="weight", numBins=0)
        assert summary.areaUnderROC == pytest.approx(evaluator.evaluate(scored), rel=1e-9)
        assert summary.areaUnderPR == pytest.approx(evaluator.setMetricName("areaUnderPR").evaluate(scored), rel=1e-9)
    points = [(row.FPR, row.TPR) for row in summary.roc.collect()]
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert points == sorted(points)
    assert summary.pr.columns == ["recall", "precision"]
    monkeypatch.setattr(roc, "MAX_SCORES", 10)
    coarse = DeepNetModel.evaluate(estimator(layers=[4, 5, 2], weightCol="weight").fit(two), two)
    assert 0.5 < coarse.areaUnderROC <= 1


@ALSO_SLOWLY
def test_numbers_have_the_figures_of_the_peers(labelled: Any) -> None:
    params = {"layers": [4, 1], "loss": "squared", "labelCol": "number", "weightCol": "weight"}
    summary = estimator(**params).fit(labelled).evaluate(labelled)
    ours = {
        "rmse": summary.rmse,
        "mse": summary.meanSquaredError,
        "mae": summary.mae,
        "var": summary.explainedVariance,
    }
    for name, value in ours.items():
        evaluator = RegressionEvaluator(labelCol="number", metricName=name, weightCol="weight")
        assert value == pytest.approx(evaluator.evaluate(summary.predictions), rel=1e-9), name
    t, y, w = answers(summary, "number", "prediction", "weight")
    assert summary.r2 == pytest.approx(sk.r2_score(t, y, sample_weight=w), rel=1e-9)
    assert summary.numInstances == 90
    assert summary.residuals.columns == ["residuals"]


def test_several_targets_and_labels(labelled: Any) -> None:
    pairs = labelled.withColumn("targets", F.array("number", F.col("number") * 2 + 1))
    summary = estimator(layers=[Dense(2)], loss="squared", labelCol="targets").fit(pairs).evaluate(pairs)
    t = np.array([row.targets for row in summary.predictions.select("targets").collect()])
    y = np.array([row.prediction.toArray() for row in summary.predictions.select("prediction").collect()])
    assert summary.r2 == pytest.approx(sk.r2_score(t, y), rel=1e-9)
    assert [each["meanAbsoluteError"] for each in summary.byTarget] == pytest.approx(abs(t - y).mean(0), rel=1e-9)
    labels = labelled.withColumn(
        "marks", F.array((F.col("label") > 0).cast("double"), (F.col("number") > 1).cast("double"))
    )
    several = estimator(layers=[Dense(2, "sigmoid")], labelCol="marks").fit(labels).evaluate(labels)
    t = np.array([row.marks for row in several.predictions.select("marks").collect()])
    y = np.array([row.prediction for row in several.predictions.select("prediction").collect()])
    assert several.accuracy == pytest.approx((t == y).mean())
    assert several.subsetAccuracy == pytest.approx(sk.accuracy_score(t, y))
    assert several.f1MeasureByLabel == pytest.approx(sk.f1_score(t, y, average=None, zero_division=0))
    assert several.microF1Measure == pytest.approx(sk.f1_score(t, y, average="micro", zero_division=0))


@ALSO_SLOWLY
def test_texts_of_classes_stay_with_the_model(labelled: Any, tmp_path: Any) -> None:
    indexed = (
        StringIndexer(inputCol="text", outputCol="class", stringOrderType="alphabetDesc")
        .fit(labelled)
        .transform(labelled)
    )
    model = estimator(labelCol="class").fit(indexed)
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = DeepNetModel.load(str(tmp_path / "model"))
    assert loaded.summary == model.summary
    for each in model, loaded:
        summary = each.evaluate(indexed)
        assert summary.classNames == ["eel", "dog", "cat"]
        assert [row["name"] for row in summary.byLabel] == ["eel", "dog", "cat"]
        by_text = each.copy({each.labelCol: "text"}).evaluate(labelled)
        np.testing.assert_array_equal(by_text.confusionMatrix, summary.confusionMatrix)


def test_each_output_has_its_own(labelled: Any) -> None:
    layers = [Dense(6, "relu", name="trunk"), Dense(3, "softmax", name="kind", inputs=("trunk",)), Output(column="label"),
              Dense(1, name="size", inputs=("trunk",)), Output(column="number", loss="squared")]  # fmt: skip
    model = DeepNetEstimator(layers=layers, maxIter=1, numTrainWorkers=1).fit(labelled)
    assert model.evaluate(labelled).accuracy == model.evaluate(labelled, "kind").accuracy
    assert model.evaluate(labelled, "size").rmse > 0
    with pytest.raises(ParamError, match=r"evaluate: there is no output 'sise'; did you mean 'size'\?"):
        model.evaluate(labelled, "sise")


def test_what_cannot_be_evaluated_is_said(labelled: Any) -> None:
    model = estimator(maxIter=1).fit(labelled)
    with pytest.raises(DataError, match="labelCol: there is no column 'label'"):
        model.evaluate(labelled.drop("label"))
    with pytest.raises(
        DataError, match=r"evaluate: the label column has 3\.0, which is none of the model's classes 0 to 2"
    ):
        model.evaluate(labelled.withColumn("label", F.lit(3.0)))
    with pytest.raises(DataError, match="evaluate: the DataFrame has no rows"):
        model.evaluate(labelled.limit(0))
    with pytest.raises(DataError, match=r"evaluate: .*pandas"):
        model.evaluate(labelled.limit(2).toPandas())
    numbers = estimator(layers=[4, 1], loss="squared", maxIter=1).fit(labelled)
    with pytest.raises(DataError, match="90 rows that are null or NaN"):
        numbers.evaluate(labelled.withColumn("label", F.lit(None).cast("double")))


@BOTH
@pytest.mark.parametrize("exchange", ["sockets", "spark"])
def test_the_history_says_the_same(labelled: Any, exchange: str) -> None:
    held = labelled.withColumn("held", F.col("number") > 1.5)
    net = estimator(
        metrics=["accuracy", "balanced_accuracy", "f1", "log_loss"], monitor="f1", classWeights="balanced",
        weightCol="weight", validationIndicatorCol="held", exchange=exchange, numTrainWorkers=2, maxIter=2, batchSize=30,
    )  # fmt: skip
    model = net.fit(held)
    best = model.summary.history[model.summary.bestEpoch]
    for of, rows in ("validation", held.where("held")), ("", held.where("not held")):
        summary = model.evaluate(rows)
        theirs = [summary.accuracy, summary.balancedAccuracy, summary.weightedFMeasure(), summary.logLoss]
        names = ["accuracy", "balancedAccuracy", "f1", "logLoss"]
        ours = [best[of + name[0].upper() + name[1:] if of else name] for name in names]
        assert ours == pytest.approx(theirs, rel=1e-6)
