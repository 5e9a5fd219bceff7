"""MLflow against a server of its own, on this machine: what a fit logs, and what is loaded again."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spark_deepnet.errors import CallbackError, DeepNetError
from spark_deepnet.layers import Dense
from tests.spark.data import blobs, estimator, frame, same


def _has_server() -> bool:
    """Whether the whole package is installed, not its client alone."""
    try:
        return bool(metadata.version("mlflow"))
    except metadata.PackageNotFoundError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _has_server(), reason='no MLflow server: pip install "spark_deepnet[mlflow_server]"'),
    pytest.mark.filterwarnings("ignore::Warning"),  # MLflow's own
]
START_SECONDS = 120
X, Y = blobs()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that keeps all it gets in a folder of the test."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", f"{folder}/artifacts",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        yield _answering(f"http://127.0.0.1:{port}", process, folder / "log")
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _answering(address: str, process: Any, log: Path) -> str:
    """The address, when the server answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return address
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def mlflow(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The package, with its server."""
    import mlflow

    from spark_deepnet.tracking import mlflow as tracking

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_DFS_TMP", str(tmp_path / "dfs"))
    mlflow.set_tracking_uri(server)
    yield mlflow
    tracking.autolog(disable=True)
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    validation = [k % 5 == 0 for k in range(len(Y))]
    return frame(spark, X, Y, held=validation).persist()


def last_run(mlflow: Any) -> Any:
    (run,) = mlflow.MlflowClient().search_runs(["0"], order_by=["attributes.start_time DESC"], max_results=1)
    return run


def history(mlflow: Any, run: Any, name: str) -> list[tuple[int, float]]:
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, name)
    return sorted((point.step, point.value) for point in points)


def read_json(mlflow: Any, run: Any, name: str) -> Any:
    return json.loads(Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{name}")).read_text())


@pytest.mark.sessions("classic", "connect")
def test_a_fit_is_a_run_with_params_epochs_summary_and_model(
    spark: Any, kind: str, rows: Any, mlflow: Any, tmp_path: Path
) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    tracking.autolog()
    layers = [*(Dense(5, "relu", name=f"a_layer_with_quite_a_long_name_{k}") for k in range(100)), Dense(3)]
    model = estimator(layers=layers, validationIndicatorCol="held").fit(rows)
    run = last_run(mlflow)
    assert mlflow.active_run() is None
    assert run.info.status == "FINISHED"
    assert run.data.params["learningRate"] == "0.05"
    assert len(run.data.params["layers"]) == 500
    whole = read_json(mlflow, run, "params.json")
    assert whole["layers"] == repr(layers)
    assert len(whole["layers"]) > 6000
    assert whole.keys() == run.data.params.keys() >= {"batchSize", "maxIter", "seed"}
    for name in ("loss", "validationLoss", "accuracy", "rowsPerSecond"):
        expected = [(k + 1, row[name]) for k, row in enumerate(model.summary.history)]
        assert history(mlflow, run, name) == expected
    assert run.data.metrics["fit.steps"] == model.summary.steps
    assert run.data.metrics["fit.epochs"] == 3
    assert run.data.metrics["fit.bestEpoch"] == model.summary.bestEpoch + 1
    assert read_json(mlflow, run, "summary.json")["history"] == model.summary.history
    uri = f"runs:/{run.info.run_id}/model"
    loaded = tracking.load_model(uri)
    assert same(loaded, model)
    assert loaded.summary.history == model.summary.history
    scored = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"features": list(X)}))
    expected = model.transform(rows).select("prediction", "probability").toPandas()
    np.testing.assert_array_equal(scored["prediction"], expected["prediction"])
    np.testing.assert_allclose(
        np.stack(scored["probability"]), np.stack([v.toArray() for v in expected["probability"]])
    )
    if kind == "classic":  # MLflow's own flavour needs a SparkContext
        (stage,) = mlflow.spark.load_model(uri).stages
        assert same(stage, model)


def test_fits_in_one_run_keep_its_params_and_say_so(rows: Any, mlflow: Any, caplog: pytest.LogCaptureFixture) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    tracking.autolog(log_models=False)
    with mlflow.start_run() as run, caplog.at_level(logging.WARNING, "spark_deepnet"):
        estimator(maxIter=2).fit(rows)
        assert not caplog.messages
        estimator(maxIter=1).fit(rows)
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert [m for m in caplog.messages if "maxIter, from an earlier fit, and keeps them; start a run for each" in m]
    assert mlflow.get_run(run.info.run_id).data.params["maxIter"] == "2"
    tracking.autolog(disable=True)
    estimator(maxIter=1).fit(rows)
    assert last_run(mlflow).info.run_id == run.info.run_id


def test_beside_the_autolog_of_mlflow_there_is_one_run(
    rows: Any, mlflow: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow.pyspark.ml

    from spark_deepnet.tracking import mlflow as tracking

    mlflow.pyspark.ml.autolog(log_models=False, log_datasets=False)
    try:
        estimator().fit(rows)
        run = last_run(mlflow)
        assert len(run.data.params) > 36
        assert run.data.metrics == {}, "what is missing without this package's own"
        tracking.autolog(log_models=False)
        with caplog.at_level(logging.WARNING, "spark_deepnet"):
            estimator(layers=[Dense(5, "relu"), Dense(3)]).fit(rows)
    finally:
        mlflow.pyspark.ml.autolog(disable=True)
    assert not [m for m in caplog.messages if "earlier fit" in m or "has failed" in m]
    first, run = run, last_run(mlflow)
    assert first.info.run_id != run.info.run_id
    assert len(history(mlflow, run, "loss")) == 3
    assert run.data.tags["estimator_name"] == "DeepNetEstimator"


def test_a_failed_fit_is_a_failed_run(rows: Any, mlflow: Any) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    tracking.autolog()
    with pytest.raises(DeepNetError):
        estimator(labelCol="nothing").fit(rows)
    assert last_run(mlflow).info.status == "FAILED"
    assert mlflow.active_run() is None


def test_a_server_that_fails_does_not_end_a_fit(
    rows: Any, mlflow: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, server: str
) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    tracking.autolog()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with caplog.at_level(logging.WARNING, "spark_deepnet"):
        assert estimator().fit(rows).summary.totalIterations == 3
    assert [m for m in caplog.messages if m.startswith("fit: MLflow has failed, and the fit goes on without it: ")]
    mlflow.set_tracking_uri(server)


def test_the_callback_logs_to_the_active_run_and_wants_one(rows: Any, mlflow: Any) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    net = estimator().setCallbacks([tracking.MLflow()])
    with pytest.raises(CallbackError, match=r"no run is active: fit within mlflow.start_run\(\)"):
        net.fit(rows)
    with mlflow.start_run() as run:
        model = net.fit(rows)
    expected = list(enumerate(model.summary.objectiveHistory, 1))
    assert history(mlflow, run, "loss") == expected


def test_measures_of_any_name_and_value_are_logged(spark: Any, mlflow: Any) -> None:
    from spark_deepnet.tracking import mlflow as tracking

    callback, name = tracking.MLflow(), "<script>größe</script>_loss"
    with mlflow.start_run() as run:
        callback.on_train_begin({})
        for k in range(700):
            callback.on_epoch_end(k, {"loss": float("nan"), name: float("inf"), "seconds": 0.1})
        callback.on_job_end(0, {})
    assert len(history(mlflow, run, "loss")) == 700
    assert np.isnan(history(mlflow, run, "loss")[0][1])
    assert len(history(mlflow, run, "_script_größe__script__loss")) == 700
