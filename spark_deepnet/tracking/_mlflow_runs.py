"""Fits as MLflow's runs: a callback that logs epochs, and autolog."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.observers import OBSERVERS, warn_of_failure
from spark_deepnet.spark.params.converters import members_of
from spark_deepnet.spark.summary import TrainingSummary
from spark_deepnet.tracking._mlflow_models import log_model
from spark_deepnet.tracking._mlflow_names import metric_names, param_value
from spark_deepnet.tracking._mlflow_package import mlflow_package
from spark_deepnet.tracking.epochs import Epoch, PerJob

MAX_METRICS, MAX_PARAMS = 1000, 100
"""That MLflow takes in one request."""
PARAMS_FILE, SUMMARY_FILE = "params.json", "summary.json"
NAME = "MLflow"
_log = logging.getLogger(__name__)


class MLflow(PerJob):
    """A callback that logs each epoch's measures as metrics when its Spark job has ended; the step is the epoch, counted
    from 1: ``with mlflow.start_run(): net.setCallbacks([MLflow()]).fit(df)``.

    run_id: the run to log to; None: the one that is active when the fit begins, without which the fit ends in a sentence. A
    server that fails later ends the logging, with a warning, not the fit.
    """

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__()
        mlflow_package()
        self.run_id = run_id

    def on_train_begin(self, logs: Mapping[str, Any]) -> None:
        super().on_train_begin(logs)
        run = mlflow_package().active_run()
        if self.run_id is None and run is None:
            raise ParamError(
                "no run is active: fit within mlflow.start_run(), give MLflow(run_id=...), or call autolog()"
            )
        self._fits.run_id = self.run_id or run.info.run_id

    def write(self, epochs: Sequence[Epoch]) -> None:
        if self._fits.run_id is None:
            return
        try:
            _log_epochs(self._fits.run_id, epochs)
        except Exception as error:
            self._fits.run_id = None
            warn_of_failure(NAME, error)


def autolog(log_models: bool = True, disable: bool = False) -> None:
    """Log every fit of this process: in the run that is active, or in one of its own.

    A run gets all Params (of values above 500 characters the beginning; params.json has them whole), each epoch's measures
    when its Spark job has ended, figures of the whole fit as ``fit.seconds``, ``fit.steps`` and so on, summary.json, and
    the model, which MLflow scores without Spark. Params that the run has already, such as those that
    ``mlflow.pyspark.ml.autolog`` logs, are left. Where MLflow fails a warning is logged and the fit goes on. log_models:
    whether models are logged too. disable: stop logging.
    """
    OBSERVERS.pop(NAME, None)
    if not disable:
        mlflow_package()
        OBSERVERS[NAME] = lambda estimator: _Run(estimator, log_models)


class _Run:
    """The run of one fit."""

    name = NAME

    def __init__(self, estimator: Any, log_models: bool) -> None:
        mlflow, self.log_models = mlflow_package(), log_models
        active = mlflow.active_run()
        self.own = active is None
        self.run_id = (active or mlflow.start_run(tags={"mlflow.autologging": "spark_deepnet"})).info.run_id
        self.callbacks: Sequence[Any] = [MLflow(self.run_id)]
        try:
            _log_params(self.run_id, estimator)
        except Exception as error:
            warn_of_failure(NAME, error)

    def fit_ended(self, model: Any) -> None:
        try:
            _log_summary(self.run_id, model.summary)
            if self.log_models:
                self._log_model(model)
        finally:
            self._end("FINISHED")

    def fit_failed(self, error: BaseException) -> None:
        self._end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def _log_model(self, model: Any) -> None:
        if model.stored is None:
            log_model(model, run_id=self.run_id)
        else:
            _log.warning("fit: the model's weights stay on storage and are not logged; save it, and log its path")

    def _end(self, status: str) -> None:
        """The run that was started here, where the user has not ended it."""
        mlflow = mlflow_package()
        active = mlflow.active_run()
        if self.own and active is not None and active.info.run_id == self.run_id:
            mlflow.end_run(status)


def _log_epochs(run_id: str, epochs: Sequence[Epoch]) -> None:
    names = metric_names(dict.fromkeys(name for epoch in epochs for name in epoch.measures))
    metric = mlflow_package().entities.Metric
    metrics = [
        metric(names[name], value, int(1000 * epoch.ended), epoch.number)
        for epoch in epochs
        for name, value in epoch.measures.items()
    ]
    client = mlflow_package().MlflowClient()
    for some in _batches(metrics, MAX_METRICS):
        client.log_batch(run_id, metrics=some)


def _log_params(run_id: str, estimator: Any) -> None:
    """Each Param that has a value, unless the run has it."""
    mlflow = mlflow_package()
    client, values = mlflow.MlflowClient(), params_of(estimator)
    client.log_dict(run_id, values, PARAMS_FILE)
    there = client.get_run(run_id).data
    short = {name: param_value(value) for name, value in values.items()}
    others = [name for name in short.keys() & there.params.keys() if short[name] != there.params[name]]
    if others and "estimator_class" not in there.tags:  # the mark of mlflow.pyspark.ml.autolog, which logs the same
        _log.warning(
            "fit: the run %s has other values of %s, from an earlier fit, and keeps them; start a run for each fit",
            run_id,
            ", ".join(sorted(others)),
        )
    new = [mlflow.entities.Param(name, value) for name, value in short.items() if name not in there.params]
    for some in _batches(new, MAX_PARAMS):
        client.log_batch(run_id, params=some)


def params_of(estimator: Any) -> dict[str, str]:
    """Name -> text of each Param that is set or has a default, by name."""
    defined = [param for param in estimator.params if estimator.isDefined(param)]
    values = {param.name: members_of(estimator.getOrDefault(param)) for param in defined}
    return {name: value if isinstance(value, str) else repr(value) for name, value in sorted(values.items())}


def _log_summary(run_id: str, summary: TrainingSummary) -> None:
    client = mlflow_package().MlflowClient()
    for name, value in figures_of(summary).items():
        client.log_metric(run_id, name, value)
    client.log_dict(run_id, {"history": summary.history, "ranks": summary.ranks}, SUMMARY_FILE)


def figures_of(summary: TrainingSummary) -> dict[str, float]:
    """Figures of the whole fit, as metrics."""
    figures = {
        "fit.seconds": summary.seconds,
        "fit.epochs": summary.totalIterations,
        "fit.steps": summary.steps,
        "fit.jobs": summary.jobs,
        "fit.workers": len({rank["rank"] for rank in summary.ranks}),
        "fit.rowsPerSecond": summary.rowsPerSecond,
        "fit.bytesExchanged": summary.bytesExchanged,
        "fit.syncEvery": summary.syncEvery,
    }
    return figures if summary.bestEpoch is None else figures | {"fit.bestEpoch": summary.bestEpoch + 1}


def _batches(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
