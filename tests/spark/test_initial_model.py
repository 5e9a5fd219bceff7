"""Fits that start from a model's weights: by name, saved, copied, in a Pipeline, with both kinds of exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import ModelFormatError, ParamError
from spark_deepnet.layers import Dense
from spark_deepnet.spark.initial_model import InitialModel
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

pytestmark = pytest.mark.sessions("classic", slowly="connect")
TRUNK = Dense(5, "tanh", name="trunk/fc1")
FROZEN = Dense(5, "tanh", name="trunk/fc1", trainable=False)
BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"
TAKEN = ("trunk/fc1/W", "trunk/fc1/b")


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(30)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    return estimator(layers=[TRUNK, Dense(3, "softmax", name="top")]).fit(rows)


@pytest.mark.sessions("classic", "connect")
def test_a_fit_takes_weights_by_name_and_keeps_those_that_are_frozen(model: Any, rows: Any) -> None:
    net = estimator(layers=[FROZEN, Dense(4, "relu"), Dense(3, "softmax")], numTrainWorkers=2)
    found = net.setInitialModel(model).fit(rows)
    assert found.summary.initialWeights == TAKEN
    for name in TAKEN:
        np.testing.assert_array_equal(found.weights[name], model.weights[name])
    assert model.summary.initialWeights == ()
    assert found.summary.steps == 3


@pytest.mark.parametrize(
    "params", [{}, {"exchange": "spark", "solver": "sgd", "numTrainWorkers": 2}], ids=["sockets", "rounds"]
)
def test_a_fit_that_changes_nothing_gives_the_initial_model(model: Any, rows: Any, params: Any) -> None:
    net = estimator(layers=[TRUNK, Dense(3, "softmax", name="top")], learningRate=1e-30, maxIter=1, **params)
    assert same(net.setInitialModel(model).fit(rows), model)
    assert not same(net.setInitialModel(None).fit(rows), model)
    assert net.getInitialModel() is None


def test_it_goes_with_pipelines_and_cross_validators(model: Any, rows: Any) -> None:
    net = estimator(layers=[FROZEN, Dense(3, "softmax")], maxIter=1).setInitialModel(model)
    (fitted,) = Pipeline(stages=[net]).fit(rows).stages
    grid = ParamGridBuilder().addGrid(net.learningRate, [1e-9, 0.1]).build()
    judge = MulticlassClassificationEvaluator(metricName="accuracy")
    best = (
        CrossValidator(estimator=net, estimatorParamMaps=grid, evaluator=judge, numFolds=2, seed=1).fit(rows).bestModel
    )
    for found in (fitted, best, net.copy({"learningRate": 0.2}).fit(rows)):
        np.testing.assert_array_equal(found.weights["trunk/fc1/W"], model.weights["trunk/fc1/W"])


def test_it_is_saved_overwritten_and_loaded_with_the_estimator(model: Any, rows: Any, tmp_path: Path) -> None:
    net = estimator(layers=[TRUNK, Dense(3, "softmax")], solver="momentum").setInitialModel(model)
    vectors = (np.arange(model._flat("").size, dtype=np.float32) / 1000,)
    net._initial = InitialModel(model, vectors, 7)
    path = f"{tmp_path}/net"
    for save in (net.save, net.write().overwrite().save):
        save(path)
        again = DeepNetEstimator.load(path)
        assert same(again.getInitialModel(), model)
        assert (again._initial.steps, len(again._initial.vectors)) == (7, 1)
        for name, array in net._initial.state.vectors[0].items():
            np.testing.assert_array_equal(again._initial.state.vectors[0][name], array)
    assert same(again.fit(rows), net.fit(rows))
    net.setInitialModel(None).write().overwrite().save(path)
    assert DeepNetEstimator.load(path).getInitialModel() is None
    assert [file.name for file in Path(path).iterdir()] == ["metadata"]


def test_damaged_weights_of_the_initial_model_are_found(model: Any, tmp_path: Path) -> None:
    path = f"{tmp_path}/net"
    estimator(layers=[TRUNK]).setInitialModel(model).save(path)
    for file in Path(path, "data", "weights").glob("*.parquet"):
        file.unlink()
    with pytest.raises(ModelFormatError) as caught:
        DeepNetEstimator.load(path)
    check_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [Dense(5, name="other"), Dense(3, name="last")],
            "it has no weights of the network's names, which are other/W",
        ),
        (
            [Dense(6, name="trunk/fc1"), Dense(3)],
            "'trunk/fc1/W' (4, 5), expected (4, 6), 'trunk/fc1/b' (5,), expected (6,)",
        ),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model: Any, rows: Any, layers: Any, sentence: str) -> None:
    net = estimator(layers=layers).setInitialModel(model)
    for does in (net.fit, net.explainPlan):
        with pytest.raises(ParamError) as caught:
            does(rows)
        assert sentence in str(caught.value)
        check_sentence(str(caught.value))


def test_what_is_no_model_is_refused(rows: Any) -> None:
    for wrong in (estimator(), {"trunk/fc1/W": np.ones(3)}, DeepNetModel):
        with pytest.raises(ParamError, match="setInitialModel: expected a DeepNetModel"):
            estimator().setInitialModel(wrong)
    frozen = estimator(layers=[Dense(5, trainable=False), Dense(3, rates={"W": 0.0, "b": 0})])
    with pytest.raises(ParamError, match="all weights are frozen by trainable=False or rates of 0"):
        frozen.fit(rows)


def test_rows_come_in_their_order_beside_the_state_that_they_start_from(spark: Any, model: Any, rows: Any) -> None:
    """Some of a rank's frames have chunks of the state among them, others have not."""
    numbered = rows.selectExpr("*", "cast(hash(features) as bigint) as number")
    net = estimator(layers=[TRUNK, Dense(3, "softmax", name="top")], batchSize=4, maxSteps=5, orderCol="number")
    net.setInitialModel(model)
    spark.conf.set(BATCH, 4)
    try:
        found = [net.copy().setNumTrainWorkers(workers).fit(numbered) for workers in (1, 2)]
    finally:
        spark.conf.unset(BATCH)
    for name, array in found[0].weights.items():
        for other in found[1:]:
            np.testing.assert_allclose(other.weights[name], array, rtol=1e-4, atol=1e-5)
