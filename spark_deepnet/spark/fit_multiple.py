"""A grid of Params as few fits as it can be: those that read the same rows in the same way are made in one Spark job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame

from spark_deepnet.errors import DeepNetError
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.callback import Callbacks
from spark_deepnet.spark.columns.once_a_frame import one_frame
from spark_deepnet.spark.fit.barrier_fit import Outcome
from spark_deepnet.spark.fit.driver_listener import DriverListener
from spark_deepnet.spark.fit.trial_jobs import TrialJobs
from spark_deepnet.spark.fit_spec import FitSpec
from spark_deepnet.spark.model import DeepNetModel
from spark_deepnet.spark.observers import observed
from spark_deepnet.spark.params.values import check_ranges, param_or_none
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.interrupts import restore_properties
from spark_deepnet.spark.session.spark_errors import session_errors

Estimator = Any
"""A DeepNetEstimator, whose module imports this one."""


@dataclass(frozen=True)
class Trial:
    """One estimator of a grid, and the plan of its fit."""

    estimator: Estimator
    spec: FitSpec
    plan: TrainPlan

    @property
    def reads(self) -> tuple[Any, ...]:
        """What must be equal for two trials to share a job: all of the plan but the recipe and what is drawn for each fit,
        and the columns."""
        columns = self.plan.columns
        columns = columns if columns.held_out else replace(columns, seed=0)
        drawn = {"secret": b"", "identity": bytes(bool(self.plan.identity)), "columns": columns}
        labels = param_or_none(self.estimator, "labelCols")
        plan = {name: value for name, value in vars(self.plan).items() if name not in ("recipe", *drawn)}
        return plan, drawn, self.spec.network.entries, labels


def shares_jobs(estimator: Estimator) -> bool:
    """Whether its fit is one that can be made in a job with others: not what goes in rounds, in blocks or in order, leaves
    checkpoints, starts from a model or calls back."""
    checkpoints = param_or_none(estimator, "checkpointDir") and estimator.getCheckpointInterval() > 0
    apart = checkpoints or param_or_none(estimator, "orderCol") or estimator.getExchange() == "spark"
    blocks = estimator.getModelBlocks() not in (1, "auto")
    return not (apart or blocks or estimator.getInitialModel() or estimator.getCallbacks())


class Models(Iterator[tuple[int, DeepNetModel]]):
    """(index, model) of each of the estimators, as ``Estimator.fitMultiple`` promises: any number of threads may call it.
    A model whose fit fails raises at its turn what its fit alone would raise."""

    def __init__(self, fits: Sequence[Callable[[], DeepNetModel]]) -> None:
        self._fits, self._next, self._lock = list(fits), 0, threading.Lock()

    def __next__(self) -> tuple[int, DeepNetModel]:
        with self._lock:
            index = self._next
            if index >= len(self._fits):
                raise StopIteration
            self._next += 1
        return index, self._fits[index]()


class SharedFit:
    """Fits that are made together when the first of their models is asked for."""

    def __init__(self, dataset: DataFrame, cluster: Cluster, trials: Sequence[Trial]) -> None:
        self.dataset, self.cluster, self.trials = dataset, cluster, trials
        self._lock = threading.Lock()
        self._made: dict[int, Outcome | Exception] = {}

    def model(self, place: int) -> DeepNetModel:
        """The model of one of the trials, which is handed out once."""
        with self._lock:
            if not self._made:
                self._made = dict(enumerate(self._outcomes()))
            outcome = self._made[place]
        trial = self.trials[place]
        with observed(trial.estimator) as observers:
            if isinstance(outcome, Exception):
                raise outcome
            _play(outcome, trial.plan, Callbacks(observers.callbacks))
            seconds = max(rank["seconds"]["total"] for rank in outcome.ranks)
            model = trial.estimator._model(trial.plan, outcome, trial.spec.class_names, seconds)
            observers.fit_ended(model)
        return model

    def _outcomes(self) -> Sequence[Outcome | Exception]:
        """Of all trials; an error of the job is that of each."""
        try:
            with session_errors(self.dataset.sparkSession, "fit"):
                return self._run()
        except Exception as error:
            return [error] * len(self.trials)

    def _run(self) -> Sequence[Outcome | DeepNetError]:
        spark, plan = self.dataset.sparkSession, self.trials[0].plan
        dialect = dialect_of(spark)
        host = dialect.listening_host(self.cluster.master, self.cluster.driver_host)
        recipes = [trial.plan.recipe for trial in self.trials]
        with restore_properties(spark), closing(DriverListener(host or "", plan, None)) as listener:
            dialect.use_driver_python()
            return TrialJobs(self.trials[0].spec.frame, self.cluster, plan, recipes, listener).run()


def _play(outcome: Outcome, plan: TrainPlan, callbacks: Callbacks) -> None:
    """What the callbacks of observers would have heard of a fit alone."""
    callbacks.begin({"workers": plan.workers, "modelBlocks": plan.blocks, "epochs": plan.recipe.epochs})
    callbacks.job_end(0, outcome.clock)
    callbacks.end(outcome.clock["history"])


def fit_multiple(estimators: Sequence[Estimator], dataset: DataFrame) -> Models:
    """The models of estimators on one DataFrame. Errors of Params are raised here, before any job."""
    for estimator in estimators:
        check_ranges(estimator)
    fits: list[Callable[[], DeepNetModel]] = [_alone(estimator, dataset) for estimator in estimators]
    apart = [k for k, estimator in enumerate(estimators) if shares_jobs(estimator)]
    if len(apart) > 1:
        for shared, numbers in _shared(estimators, apart, dataset):
            for place, number in enumerate(numbers):
                fits[number] = _of(shared, place)
    return Models(fits)


def _shared(
    estimators: Sequence[Estimator], numbers: Sequence[int], dataset: DataFrame
) -> Iterator[tuple[SharedFit, list[int]]]:
    """The fits that are made together, and the numbers of their estimators."""
    spark = dataset.sparkSession
    with session_errors(spark, "fit"), restore_properties(spark), one_frame():
        cluster = Cluster.of(spark)
        groups: list[tuple[tuple[Any, ...], list[int], list[Trial]]] = []
        for number in numbers:
            trial = _trial(estimators[number], dataset, cluster)
            if trial is None:
                continue
            for reads, own, trials in groups:
                if reads == trial.reads:
                    own.append(number)
                    trials.append(trial)
                    break
            else:
                groups.append((trial.reads, [number], [trial]))
    for _, own, trials in groups:
        if len(own) > 1:
            yield SharedFit(dataset, cluster, trials), own


def _trial(estimator: Estimator, dataset: DataFrame, cluster: Cluster) -> Trial | None:
    """None for a fit that its session or its size sets apart."""
    spec = FitSpec(estimator, dataset)
    plan, rounds = estimator._plan(dataset.sparkSession, cluster, spec)
    return None if rounds or plan.blocks > 1 else Trial(estimator, spec, plan)


def _alone(estimator: Estimator, dataset: DataFrame) -> Callable[[], DeepNetModel]:
    return lambda: estimator._fit(dataset)


def _of(shared: SharedFit, place: int) -> Callable[[], DeepNetModel]:
    return lambda: shared.model(place)
