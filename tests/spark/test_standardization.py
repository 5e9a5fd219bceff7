"""Features and targets in any units: what a fit standardizes, and that the model has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as F

from spark_deepnet import DeepNetModel
from spark_deepnet.errors import NetworkError
from spark_deepnet.layers import BatchNorm, Concatenate, Dense, Input, Normalization, Output
from tests.formats.onnx_runs import run, session
from tests.spark.data import blobs, distance, estimator, frame, same

N = 120
LAYERS = [Dense(8, "tanh"), Dense(1)]


@pytest.fixture(scope="module")
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Four columns far from 0 and of sizes far from 1, one of which never varies, and a target of a million."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(N, 4)) * [1e-3, 50, 1e4, 0] + [5, -3000, 0, 7.5]).astype(np.float32)
    return x, 1e6 + 3e4 * np.tanh((x[:, 0] - 5) * 1e3 - x[:, 2] / 1e4)


@pytest.fixture(scope="module")
def rows(spark: Any, numbers: Any) -> Any:
    x, y = numbers
    wide = frame(spark, x, y, held=[k % 5 == 4 for k in range(N)], weight=[1.0 + k % 3 for k in range(N)])
    columns = [F.col("array")[k].alias(name) for k, name in enumerate("abcd")]
    return wide.withColumn("array", vector_to_array("features")).select("*", *columns).cache()


def net(**params: Any) -> Any:
    told = {"layers": LAYERS, "maxIter": 60, "batchSize": 20, "learningRate": 0.02, "standardization": True}
    return estimator(**(told | params))


def error(model: DeepNetModel, rows: Any, y: np.ndarray) -> float:
    """Root of the mean square, in standard deviations of the target."""
    predicted = np.array([row.prediction for row in model.transform(rows).collect()])
    return float(np.sqrt(((predicted - y) ** 2).mean()) / y.std())


@pytest.mark.sessions("classic", "connect")
def test_a_regression_in_any_units(rows: Any, numbers: Any, tmp_path: Path) -> None:
    """Mean and deviation are the training rows' own, and stay in the model: in files, and in ONNX."""
    x, y = numbers
    train = np.arange(N) % 5 != 4
    model = net(validationIndicatorCol="held").fit(rows)
    weights, mean = model.weights, x[train].astype(float).mean(0)
    np.testing.assert_allclose(weights["normalization/mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(weights["normalization/deviation"], x[train].astype(float).std(0), rtol=1e-5)
    np.testing.assert_allclose(weights["target_normalization/mean"], [y[train].mean()], rtol=1e-6)
    assert weights["normalization/deviation"][3] == 0
    assert error(model, rows, y) < 0.15
    best = model.summary.history[model.summary.bestEpoch]
    assert best["validationRmse"] == pytest.approx(
        error(model, rows.where("held"), y[~train]) * y[~train].std(), rel=0.01
    )
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = DeepNetModel.load(str(tmp_path / "model"))
    assert same(loaded, model)
    assert loaded.predict(Vectors.dense(x[0])) == pytest.approx(model.predict(Vectors.dense(x[0])), rel=1e-6)
    model.toOnnx(tmp_path / "net.onnx")
    found = run(session(str(tmp_path / "net.onnx")), {"features": x})["prediction"]
    np.testing.assert_allclose(np.ravel(found), [model.predict(Vectors.dense(row)) for row in x], rtol=1e-6)


def test_statistics_are_the_same_bits_for_any_number_of_workers(rows: Any) -> None:
    """And in rounds, in blocks, and of numeric columns."""
    one = net(maxIter=2, weightCol="weight").fit(rows)
    for params in (
        {"numTrainWorkers": 2},
        {"numTrainWorkers": 3, "exchange": "spark"},
        {"numTrainWorkers": 2, "modelBlocks": 2},
        {"featuresCols": list("abcd")},
        {"featuresCol": "array"},
    ):
        other = net(maxIter=2, weightCol="weight", **params).fit(rows)
        for name in one.weights:
            if "normalization" in name:
                np.testing.assert_array_equal(other.weights[name], one.weights[name], str(params))
    assert same(net(maxIter=2, weightCol="weight", featuresCol="array").fit(rows), one)
    whole = net(maxIter=3, weightCol="weight", batchSize=1000, solver="sgd")
    assert distance(whole.copy({"numTrainWorkers": 2}).fit(rows), whole.fit(rows)) < 1e-4


def test_steps_are_those_of_standardized_numbers(spark: Any, rows: Any, numbers: Any) -> None:
    """With plain gradient descent too, which does not forgive a factor of the loss; the loss is in the target's units."""
    x, y = numbers
    params = {"solver": "sgd", "maxIter": 5, "regParam": 0.01, "batchSize": 1000}
    model = net(**params).fit(rows)
    scale = np.where(x.std(0) > 0, 1 / np.where(x.std(0) > 0, x.std(0), 1), 0)
    scaled = frame(spark, (x - x.mean(0)) * scale, (y - y.mean()) / y.std())
    plain = net(standardization=False, **params).fit(scaled)
    for name, array in plain.weights.items():
        np.testing.assert_allclose(model.weights[name], array, atol=2e-3 * np.abs(array).max())
    losses = np.array([(a["loss"], a["rmse"]) for a in model.summary.history])
    scaled_losses = np.array([(a["loss"] * y.var(), a["rmse"] * y.std()) for a in plain.summary.history])
    np.testing.assert_allclose(losses, scaled_losses, rtol=2e-3)


def names(model: DeepNetModel) -> set[str]:
    """Of the layers that standardize."""
    return {name.partition("/")[0] for name in model.weights if "normalization" in name}


def test_what_is_standardized_where_nothing_is_said(spark: Any, rows: Any) -> None:
    def found(**params: Any) -> set[str]:
        fit = estimator(**({"maxIter": 1, "layers": LAYERS} | params))
        return names(_unset(fit).fit(rows))

    assert found() == {"normalization", "target_normalization"}
    assert found(featuresCols=list("abcd")) == {"normalization", "target_normalization"}
    assert found(layers=[BatchNorm(), Dense(1)]) == {"target_normalization"}
    assert found(layers=[Dense(8, "tanh"), Dense(1, "sigmoid")], loss="squared") == {"normalization"}
    assert found(layers=[Dense(1, "exponential")]) == {"normalization"}
    parts = [
        Input(name="left", column="features"),
        Dense(2, name="l"),
        Input(name="right", column=("a", "b")),
        Dense(2),
    ]
    outputs = [Concatenate(inputs=("l", "dense")), Dense(3), Output(), Dense(1, inputs=("l",)), Output(name="second")]
    layers = [*parts, *outputs[:1], Dense(1, name="first"), Output(), *outputs[3:]]
    model = _unset(estimator(maxIter=1, layers=layers)).fit(rows)
    assert names(model) == {f"{name}_normalization" for name in ("left", "right", "first", "second")}
    assert {"prediction", "prediction_second"} <= set(model.transform(rows).columns)


def _unset(fit: Any) -> Any:
    fit.clear(fit.standardization)
    return fit


def test_images_and_sequences_are_left_as_they_are(spark: Any) -> None:
    x, y = blobs(30)
    cells = spark.createDataFrame(
        [(row.reshape(2, 2).tolist(), bytearray(4), float(label)) for row, label in zip(x, y, strict=True)],
        "features array<array<double>>, bytes binary, label double",
    )
    for params in {"layers": ["global_max_pool1d", Dense(3, "softmax")]}, {"featuresCol": "bytes", "inputShape": [4]}:
        fit = estimator(**({"maxIter": 1} | params))
        assert names(_unset(fit).fit(cells)) == set()
        assert names(fit.setStandardization(True).fit(cells)) == {"normalization"}


def test_a_fit_goes_on_in_the_units_of_its_initial_model(rows: Any) -> None:
    before, plain = net(maxIter=2).fit(rows), net(maxIter=2, standardization=False).fit(rows)
    some = rows.where("a > 5")
    again = _unset(net(maxIter=1)).setInitialModel(before).fit(some)
    for name in before.weights:
        if "normalization" in name:
            np.testing.assert_array_equal(again.weights[name], before.weights[name])
    assert names(_unset(net(maxIter=1)).setInitialModel(plain).fit(some)) == set()
    assert names(net(maxIter=1).setInitialModel(plain).fit(some)) == {"normalization", "target_normalization"}


def test_a_normalization_in_the_middle_is_refused(rows: Any) -> None:
    with pytest.raises(NetworkError, match=r"'normalization'.*reads 'dense', not an input; use BatchNorm"):
        estimator(layers=[Dense(3), Normalization(), Dense(1)]).fit(rows)
    model = estimator(layers=[Normalization(), Dense(3), Dense(1)], maxIter=1).fit(rows)
    assert model.weights["normalization/deviation"][1] > 10
