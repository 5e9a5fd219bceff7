"""Fits of which nothing but the layers is set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetEstimator
from spark_deepnet.errors import ParamError
from spark_deepnet.layers import Dense
from spark_deepnet.spark.fit_spec import FitSpec
from tests.spark.data import blobs, frame

LAYERS = [Dense(8, "relu"), Dense(3, "softmax")]


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    """In units of thousands and thousandths, far from 0."""
    x, y = blobs(120)
    return frame(spark, x * [1e3, 1e-3, 1, 10] + [1e4, 0, -5, 300], y, held=[k % 5 == 0 for k in range(120)]).cache()


@pytest.mark.sessions("classic", "connect")
def test_raw_rows_are_learned(rows: Any) -> None:
    model = DeepNetEstimator(layers=LAYERS, numTrainWorkers=2).fit(rows)
    assert model.transform(rows).where("prediction = label").count() > 0.97 * 120
    assert 700 <= model.summary.steps <= 2004
    assert model.summary.history[-1]["loss"] < 0.1


def test_held_out_rows_are_the_same_on_any_number_of_workers(rows: Any) -> None:
    net = DeepNetEstimator(layers=LAYERS, validationFraction=0.2, maxIter=1, batchSize=1000, solver="sgd")
    found = [net.copy({"numTrainWorkers": n}).fit(rows).summary.history[0]["validationLoss"] for n in (1, 2)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    watched = net.copy({"monitor": "f1"}).fit(rows).summary.history[0]
    assert 0 <= watched["validationF1"] <= 1
    assert watched["validationLoss"] == pytest.approx(found[0], rel=1e-5)
    with pytest.raises(
        ParamError, match="validationFraction: the rows for validation are those of validationIndicatorCol"
    ):
        net.copy({"validationIndicatorCol": "held"}).fit(rows)
    with pytest.raises(ParamError, match="validationFraction: must be at least 0 and below 1, found 1"):
        net.copy({"validationFraction": 1.0}).fit(rows)


@pytest.mark.parametrize(
    ("params", "automatic", "schedule"),
    [
        ({}, {"batch_size", "epochs", "l2"}, "warmup_stable_decay"),
        ({"maxIter": 3}, {"batch_size"}, "warmup_stable_decay"),
        ({"maxSteps": 9, "batchSize": 7}, set(), "warmup_stable_decay"),
        ({"regParam": 0.0, "learningRate": 0.1}, {"batch_size", "epochs"}, "constant"),
        ({"solver": "sgd", "batchSize": 7}, {"epochs", "l2"}, "constant"),
        ({"solver": "sgd", "schedule": "cosine"}, {"batch_size", "epochs", "l2"}, "cosine"),
    ],
)
def test_what_is_set_is_taken(rows: Any, params: dict[str, Any], automatic: set[str], schedule: str) -> None:
    recipe = FitSpec(DeepNetEstimator(layers=LAYERS, **params), rows).recipe
    assert (set(recipe.automatic), recipe.schedule.kind) == (automatic, schedule)
    assert recipe.batch_size == params.get("batchSize", 128)


def test_rounds_make_ten_epochs(rows: Any) -> None:
    model = DeepNetEstimator(layers=LAYERS, exchange="spark", numTrainWorkers=2).fit(rows)
    assert model.summary.totalIterations == 10
    assert np.isfinite(model.summary.history[-1]["loss"])
