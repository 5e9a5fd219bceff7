"""A network with two outputs, written by calling layers: fitted, scored, saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml.evaluation import MulticlassClassificationEvaluator, RegressionEvaluator

from spark_deepnet import DeepNetModel
from spark_deepnet.layers import Dense, Input, Output
from tests.spark.data import blobs, estimator, frame, same

pytestmark = pytest.mark.sessions("classic", "connect")
X, Y = blobs(60)


def handles() -> list[Any]:
    trunk = Dense(8, "relu")(Input())
    kind = Output(column="label")(Dense(3, "softmax", name="kind")(trunk))
    return [kind, Output(column="size", weight=0.5)(Dense(1, name="size")(trunk))]


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, X, Y, size=[float(v) for v in X.sum(1)], number=range(60)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    told = {"layers": handles(), "maxIter": 60, "solver": "adam", "numTrainWorkers": 2, "labelCol": "nowhere"}
    return estimator(**told).fit(rows)


def test_both_outputs_are_learned_and_told(model: DeepNetModel, rows: Any) -> None:
    scored = model.transform(rows)
    assert scored.columns[4:] == ["prediction", "rawPrediction", "probability", "prediction_size"]
    assert [(f.name, f.dataType) for f in model.transformSchema(rows.schema)] == [
        (f.name, f.dataType) for f in scored.schema
    ]
    assert MulticlassClassificationEvaluator(metricName="accuracy").evaluate(scored) > 0.95
    assert RegressionEvaluator(predictionCol="prediction_size", labelCol="size").evaluate(scored) < 0.15
    last = model.summary.history[-1]
    assert last["loss"] == pytest.approx(last["kind_loss"] + 0.5 * last["size_loss"])
    assert {"kind_accuracy", "size_rmse"} <= last.keys()
    assert model.numClasses == 3
    assert model.predict(X[0]) == Y[0]


def test_columns_follow_the_names_of_the_params(model: DeepNetModel, rows: Any) -> None:
    bare = model.copy({model.predictionCol: "p", model.rawPredictionCol: "", model.probabilityCol: ""})
    assert bare.transform(rows).columns[4:] == ["p", "p_size"]


def test_a_model_of_two_outputs_is_saved_and_loaded(model: DeepNetModel, rows: Any, tmp_path: Path) -> None:
    model.save(f"{tmp_path}/model")
    again = DeepNetModel.load(f"{tmp_path}/model")
    assert same(again, model)
    columns = ["prediction", "probability", "prediction_size"]
    found, expected = (m.transform(rows).orderBy("number").select(*columns).collect() for m in (again, model))
    for name in columns:
        np.testing.assert_array_equal([row[name] for row in found], [row[name] for row in expected])
