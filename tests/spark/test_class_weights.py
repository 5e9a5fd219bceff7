"""classWeights: the same fit as with the products in weightCol, on any number of workers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F
from sklearn.utils.class_weight import compute_class_weight

from spark_deepnet.layers import Dense
from spark_deepnet.spark.columns.class_weights import balanced
from tests.spark.data import blobs, distance, estimator, frame, same

LABELS = np.repeat([0, 1, 2], [60, 24, 6])
X = blobs()[0] + LABELS[:, None].astype(np.float32)
WEIGHTS, HELD = np.random.default_rng(1).integers(1, 4, 90).astype(float), np.arange(90) % 5 == 0
GIVEN = [0.5, 3.0, 0.0]


@pytest.fixture(scope="module")
def df(spark: Any) -> Any:
    rows = frame(spark, X, LABELS, weight=WEIGHTS.tolist(), held=HELD.tolist())
    product = F.element_at(F.array(*map(F.lit, GIVEN)), F.col("label").cast("int") + 1) * F.col("weight")
    return rows.withColumn("product", product).persist()


@pytest.mark.sessions("classic", "connect")
def test_class_weights_are_products_in_the_weight_column(df: Any) -> None:
    params = {"batchSize": 20, "numTrainWorkers": 2, "validationIndicatorCol": "held"}
    ours = estimator(classWeights=GIVEN, weightCol="weight", **params).fit(df)
    by_column = estimator(weightCol="product", **params).fit(df)
    assert same(ours, by_column)
    names = ("loss", "accuracy", "validationLoss", "validationAccuracy")
    assert [[row[name] for name in names] for row in ours.summary.history] == [
        [row[name] for name in names] for row in by_column.summary.history
    ]
    assert not same(ours, estimator(weightCol="weight", **params).fit(df))


def test_balanced_is_what_scikit_learn_says(df: Any) -> None:
    train = ~HELD
    expected = compute_class_weight(
        "balanced", classes=np.arange(3), y=LABELS[train], sample_weight=WEIGHTS[train]
    ).tolist()
    params = {"weightCol": "weight", "validationIndicatorCol": "held"}
    ours = estimator(classWeights="balanced", **params).fit(df)
    assert distance(ours, estimator(classWeights=expected, **params).fit(df)) < 1e-6
    whole = estimator(classWeights="balanced").fit(df)
    assert distance(whole, estimator(classWeights=[0.5, 1.25, 5.0]).fit(df)) < 1e-6


def test_rounds_and_one_score_for_two_classes(df: Any) -> None:
    two = df.where("label < 2")
    for params in ({"exchange": "spark"}, {"layers": [Dense(1, "sigmoid")]}):
        told = {"layers": [4, 5, 2]} | params
        ours = estimator(classWeights={0: 0.5, 1: 3.0}, weightCol="weight", **told).fit(two)
        assert same(ours, estimator(weightCol="product", **told).fit(two))


def test_classes_without_rows_have_weight_1() -> None:
    assert balanced({0: 6.0, 2: 2.0, 7: 9.0}, 4) == (8 / 12, 1.0, 2.0, 1.0)
    assert balanced({}, 2) == (1.0, 1.0)
