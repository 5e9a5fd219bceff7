"""What autolog and the callback log of a fit, in a store of files, without a session: tests/spark/test_mlflow.py fits."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import CallbackError
from spark_deepnet.layers import Dense
from spark_deepnet.losses import SoftmaxCrossEntropy
from spark_deepnet.net.net import INPUT
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.spark.callback import Callbacks
from spark_deepnet.spark.observers import observed
from spark_deepnet.spark.summary import TrainingSummary
from spark_deepnet.tracking import mlflow as tracking

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # MLflow's own
ODD = "<script>größe</script>_loss"


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    package = pytest.importorskip("mlflow", reason='mlflow is absent: pip install "spark_deepnet[mlflow]"')
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    package.set_tracking_uri(f"file://{tmp_path}/runs")
    yield package
    tracking.autolog(disable=True)
    while package.active_run():
        package.end_run()
    package.set_tracking_uri(None)


def history(epochs: int, **more: float) -> list[dict[str, float]]:
    return [{"loss": 1 / (k + 1), "seconds": 0.1, "rowsPerSecond": 9.0} | more for k in range(epochs)]


def fit(estimator: DeepNetEstimator, rows: Sequence[Mapping[str, float]], error: Exception | None = None) -> None:
    """What observers and callbacks of a fit hear, of one job with these epochs."""
    with observed(estimator) as observers:
        callbacks = Callbacks((*estimator.getCallbacks(), *observers.callbacks))
        callbacks.begin({"workers": 2})
        callbacks.job_end(0, {"history": rows, "count": len(rows), "started": 0})
        if error is not None:
            raise error
        callbacks.end(rows)
        architecture = Architecture((Dense(3),), (InputSpec((4,), INPUT),), SoftmaxCrossEntropy())
        model = DeepNetModel(architecture, np.zeros(architecture.scores_net().layout.size, np.float32))
        rank = {"rank": 0, "job": 0, "bytesSent": 5, "seconds": {}, "ownRows": 9, "spilledBytes": 0, "rows": 9}
        model.summary_ = TrainingSummary(list(map(dict, rows)), [rank], 1, 40, 2.5, 1, 1)
        observers.fit_ended(model)


def only_run(mlflow: Any) -> Any:
    (run,) = mlflow.MlflowClient().search_runs(["0"])
    return run


def points(mlflow: Any, run: Any, name: str) -> list[tuple[int, float]]:
    found = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
    return sorted((point.step, point.value) for point in found)


def test_a_fit_is_a_run_of_its_own(mlflow: Any) -> None:
    tracking.autolog()
    layers = [Dense(5, "relu", name=f"layer{k}") for k in range(300)]
    fit(DeepNetEstimator(layers=layers, labelCol="größe"), history(3))
    run = only_run(mlflow)
    assert (run.info.status, mlflow.active_run()) == ("FINISHED", None)
    assert run.data.params["labelCol"] == "größe"
    assert (len(run.data.params["layers"]), run.data.params["layers"][-3:]) == (500, "...")
    assert points(mlflow, run, "loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    figures = {name: value for name, value in run.data.metrics.items() if name.startswith("fit.")}
    assert figures | {"fit.rowsPerSecond": 9} == {
        "fit.seconds": 2.5, "fit.epochs": 3, "fit.steps": 40, "fit.jobs": 1, "fit.workers": 1, "fit.rowsPerSecond": 9,
        "fit.bytesExchanged": 5, "fit.syncEvery": 1, "fit.bestEpoch": 2,
    }  # fmt: skip
    params = json.loads(Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/params.json")).read_text())
    assert params["layers"] == repr(layers)
    assert mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(np.zeros((1, 4)))["prediction"][0] == 0


def test_a_second_fit_in_a_run_says_which_params_differ(mlflow: Any, caplog: pytest.LogCaptureFixture) -> None:
    tracking.autolog(log_models=False)
    with mlflow.start_run(), caplog.at_level(logging.WARNING, "spark_deepnet"):
        fit(DeepNetEstimator(maxIter=2), history(2))
        assert caplog.messages == []
        fit(DeepNetEstimator(maxIter=3), history(3))
        assert mlflow.active_run() is not None
    assert [message.partition(" has ")[2] for message in caplog.messages] == [
        "other values of maxIter, from an earlier fit, and keeps them; start a run for each fit"
    ]
    tracking.autolog(disable=True)
    fit(DeepNetEstimator(), history(1))
    assert only_run(mlflow).data.params["maxIter"] == "2"


def test_many_epochs_odd_names_and_no_numbers_are_logged(mlflow: Any) -> None:
    tracking.autolog(log_models=False)
    fit(DeepNetEstimator(), history(700, **{ODD: math.inf, "validationLoss": math.nan}))
    run = only_run(mlflow)
    assert len(points(mlflow, run, "loss")) == 700
    assert points(mlflow, run, "_script_größe__script__loss")[0] == (1, math.inf)
    assert math.isnan(points(mlflow, run, "validationLoss")[699][1])


def test_a_fit_that_fails_is_a_failed_run(mlflow: Any) -> None:
    tracking.autolog()
    with pytest.raises(ValueError, match="nothing"):
        fit(DeepNetEstimator(), history(1), ValueError("nothing"))
    assert only_run(mlflow).info.status == "FAILED"
    assert mlflow.active_run() is None


def test_no_failure_of_mlflow_ends_a_fit(
    mlflow: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError("the server is gone\nfor good")

    tracking.autolog()
    for method in ("log_batch", "log_dict", "log_metric"):
        monkeypatch.setattr(mlflow.MlflowClient, method, fails)
    with caplog.at_level(logging.WARNING, "spark_deepnet"):
        fit(DeepNetEstimator(), history(2))
        monkeypatch.setattr(mlflow, "start_run", fails)
        fit(DeepNetEstimator(), history(2))
    sentence = "fit: MLflow has failed, and the fit goes on without it: OSError: the server is gone"
    assert caplog.messages == [sentence] * 4, "params, epochs and summary of the first fit, the second's run"
    assert mlflow.active_run() is None


def test_the_callback_wants_a_run(mlflow: Any) -> None:
    net = DeepNetEstimator().setCallbacks([tracking.MLflow()])
    with pytest.raises(CallbackError, match=r"no run is active: fit within mlflow\.start_run\(\), give MLflow\(run_id"):
        fit(net, history(1))
    with mlflow.start_run() as run:
        fit(net, history(2))
    fit(DeepNetEstimator().setCallbacks([tracking.MLflow(run.info.run_id)]), history(3))
    assert {step for step, _ in points(mlflow, run, "loss")} == {1, 2, 3}
