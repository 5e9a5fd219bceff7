"""What a fit reads: features in every form, weights, validation rows, targets of every task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.ml.linalg import DenseVector, Vectors
from pyspark.sql import functions as F

from spark_deepnet.layers import Dense
from spark_deepnet.losses import Hinge
from tests.spark.data import blobs, distance, estimator, frame, same

BOTH = pytest.mark.sessions("classic", "connect")
"""What the form of the columns may bring about; what workers do with the rows then does not depend on the session."""
X, Y = blobs(30)
X = np.round(X, 1) * (np.abs(X) > 0.2)  # with zeros, and the same in float32 and float64


def sparse(row: np.ndarray) -> Any:
    return Vectors.sparse(len(row), [(i, float(v)) for i, v in enumerate(row) if v])


def dense(row: np.ndarray) -> Any:
    return Vectors.dense(row.astype(float))


FORMS = {
    "dense": dense,
    "sparse": sparse,
    "mixed": lambda row: sparse(row) if row[0] else dense(row),
    "array<float>": lambda row: [float(v) for v in row],
    "array<double>": lambda row: [float(v) for v in row],
}


@pytest.fixture(scope="module")
def forms(spark: Any) -> Any:
    """The same rows in every form, one column a form, and as columns of numbers a, b, c, d of several types."""
    values = zip(X, Y, strict=True)
    rows = [(*(make(row) for make in FORMS.values()), *map(float, row * 10), float(y)) for row, y in values]
    df = spark.createDataFrame(rows, [*FORMS, *"abcd", "label"])
    return (
        df.withColumn("array<float>", F.col("`array<float>`").cast("array<float>"))
        .withColumn("a", F.round("a").cast("int"))
        .withColumn("b", F.round("b").cast("bigint"))
        .withColumn("tens", F.array("a", "b", "c", "d"))
        .cache()
    )


@BOTH
def test_the_form_of_the_features_makes_no_difference(forms: Any) -> None:
    net = estimator(solver="sgd", learningRate=0.5)
    fits = {form: net.copy({net.featuresCol: form}).fit(forms) for form in FORMS}
    assert same(fits["array<float>"], fits["dense"])
    assert same(fits["array<double>"], fits["dense"])
    for form in "sparse", "mixed":
        assert distance(fits[form], fits["dense"]) < 1e-5
    scores = {form: _raw(fit.setFeaturesCol(form).transform(forms)) for form, fit in fits.items()}
    for form in FORMS:
        np.testing.assert_allclose(scores[form], scores["dense"], rtol=1e-4, atol=1e-5)


@BOTH
def test_columns_of_numbers_are_features(forms: Any) -> None:
    one, several = estimator(featuresCol="tens"), estimator(featuresCols=list("abcd"))
    a, b = one.fit(forms), several.fit(forms)
    assert same(a, b)
    np.testing.assert_array_equal(_raw(a.transform(forms)), _raw(b.transform(forms)))


def _raw(df: Any) -> np.ndarray:
    return np.array([row[0].toArray() for row in df.select("rawPrediction").collect()])


def test_a_weight_of_two_is_the_row_twice(spark: Any) -> None:
    weights = np.where(np.arange(len(Y)) % 3 == 0, 2, 1)
    once = frame(spark, X, Y, weight=[float(w) for w in weights])
    twice = frame(spark, np.repeat(X, weights, axis=0), np.repeat(Y, weights))
    net = estimator(solver="sgd", learningRate=0.5, maxIter=10, numTrainWorkers=2)
    weighted = net.copy({net.weightCol: "weight"}).fit(once)
    assert distance(weighted, net.fit(twice)) < 1e-5
    assert distance(weighted, net.fit(once)) > 1e-3


def test_validation_rows_choose_the_epoch(spark: Any) -> None:
    """The validation rows' labels are wrong, so the better the net learns, the worse it does on them."""
    held = [i % 3 == 1 for i in range(len(Y))]
    rows = frame(spark, X, np.where(held, (Y + 1) % 3, Y), held=held).cache()
    net = estimator(learningRate=0.2, maxIter=40, patience=4, validationIndicatorCol="held", numTrainWorkers=2)
    summary = net.fit(rows).summary
    losses = [row["validationLoss"] for row in summary.history]
    assert summary.bestEpoch == int(np.argmin(losses))
    assert summary.totalIterations == summary.bestEpoch + 1 + 4 < 40
    assert {"loss", "accuracy", "validationLoss", "validationAccuracy"} <= summary.history[0].keys()
    best = net.copy({net.maxIter: summary.bestEpoch + 1}).fit(rows)
    assert same(best, net.fit(rows))
    assert net.copy({net.patience: 0}).fit(rows).summary.totalIterations == 40


@BOTH
def test_one_target_and_several(spark: Any) -> None:
    wide = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.0], [-1.0, 0.0]])
    several = frame(spark, X, X @ wide).withColumn("list", F.expr("array(1.0, 2.0)")).cache()
    model = estimator(layers=[Dense(2)], maxIter=200, learningRate=0.1).fit(several)
    rows = model.transform(several).collect()
    np.testing.assert_allclose(
        [row.prediction.toArray() for row in rows], [row.label.toArray() for row in rows], atol=0.1
    )
    assert isinstance(rows[0].prediction, DenseVector)
    assert "rawPrediction" not in rows[0]
    assert estimator(layers=[Dense(2)], labelCol="list").fit(several).numClasses == 0


def test_labels_that_may_hold_together(spark: Any) -> None:
    told = (X[:, :2] > 0.3).astype(float)
    rows = frame(spark, X, told).cache()
    model = estimator(layers=[Dense(2, "sigmoid")], maxIter=200, learningRate=0.2).fit(rows)
    scored = model.transform(rows).collect()
    found = np.array([row.prediction for row in scored])
    assert (found == told).mean() > 0.95
    assert isinstance(scored[0].prediction, list)
    np.testing.assert_array_equal(found, np.array([row.probability.toArray() for row in scored]) > 0.5)
    assert model.summary.history[-1]["accuracy"] > 0.95


def test_a_hinge_gives_no_probability(spark: Any) -> None:
    rows = frame(spark, X, Y).cache()
    scored = estimator(layers=[Dense(3)], loss=Hinge(), maxIter=50).fit(rows).transform(rows)
    assert set(scored.columns) == {*rows.columns, "rawPrediction", "prediction"}
    assert np.mean([row.prediction == row.label for row in scored.collect()]) > 0.9
