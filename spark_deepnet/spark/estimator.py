"""DeepNetEstimator: a DataFrame in, a DeepNetModel out."""

from __future__ import annotations

import logging
import math
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, Self

from pyspark.ml.base import Predictor
from pyspark.ml.param import Param
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import ParamError
from spark_deepnet.forecast.cost import Link
from spark_deepnet.forecast.explain import Forecast, forecast
from spark_deepnet.forecast.grid_choice import choose, settled
from spark_deepnet.forecast.memory import taken_sparse
from spark_deepnet.formats.caffe.training import read_training
from spark_deepnet.plan.connections import check_overlap, identity_for, ports_of
from spark_deepnet.plan.grid import Grid
from spark_deepnet.plan.initial import InitialState
from spark_deepnet.plan.plan import Recipe, TrainPlan
from spark_deepnet.plan.storage import check_storage
from spark_deepnet.spark.attributes import Names
from spark_deepnet.spark.callback import Callbacks, check_callbacks
from spark_deepnet.spark.fit.advice import warn_of_loss
from spark_deepnet.spark.fit.barrier_fit import Jobs, Outcome
from spark_deepnet.spark.fit.checkpoints import Checkpoints, check_folder
from spark_deepnet.spark.fit.driver_listener import DriverListener
from spark_deepnet.spark.fit.first_fit import note_first_fit
from spark_deepnet.spark.fit.progress import COMPILING, STARTING, ProgressBar
from spark_deepnet.spark.fit.round_fit import Rounds, checked
from spark_deepnet.spark.fit.rounding import warn_of_rounding
from spark_deepnet.spark.fit.skew import warn_of_skew
from spark_deepnet.spark.fit_multiple import Models, fit_multiple
from spark_deepnet.spark.fit_spec import FitSpec
from spark_deepnet.spark.foreign_start import initial_model
from spark_deepnet.spark.initial_model import InitialModel
from spark_deepnet.spark.model import DeepNetModel
from spark_deepnet.spark.names import check_frame
from spark_deepnet.spark.observers import observed
from spark_deepnet.spark.params.accessors import Keywords
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import param_or_none, plan_fields
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.interrupts import restore_properties
from spark_deepnet.spark.session.spark_errors import session_errors
from spark_deepnet.spark.session.workers import in_rounds, partitions_for, workers_for
from spark_deepnet.spark.shown import stage_html, stage_text
from spark_deepnet.spark.summary import TrainingSummary
from spark_deepnet.spark.weights.saved_estimator import EstimatorReader, EstimatorWriter

_log = logging.getLogger(__name__)


class DeepNetEstimator(Keywords, Predictor[DeepNetModel], DeepNetParams, MLWritable, MLReadable["DeepNetEstimator"]):
    """Trains a deep network on the rows of a DataFrame, by data parallelism over the cluster's cores.

    ``layers`` and ``loss`` decide what it is: a classifier (softmax or sigmoid top, hinge loss) or a regressor (squared,
    absolute, Huber, Poisson loss). ``batchSize`` is the rows of one optimisation step of all workers together, so the
    result does not depend on how many there are; the same data, seed and workers give the same weights bit for bit.

    >>> net = DeepNetEstimator(layers=[784, 128, 10], maxIter=5)
    >>> model = net.fit(train)  # doctest: +SKIP
    >>> model.transform(test)  # doctest: +SKIP

    Raises ParamError, NetworkError, DataError or ClusterError, each with one sentence of what was found where and what
    would be right; before any Spark job where that can be known.
    """

    _initial: InitialModel | None = None
    _callbacks: tuple[Any, ...] = ()
    _report_every = 0

    def setInitialModel(self, model: DeepNetModel | None) -> Self:
        """Start a fit from a model's weights instead of random ones.

        Each weight of the network starts from the model's weight of the same name ("layer/weight"); the others start at
        random, and ``model.summary.initialWeights`` lists those that were taken. A fit raises ParamError, before any
        Spark job, if a shape differs or no name is the same. None: all start at random. The estimator is saved and copied
        with it.
        """
        self._initial = None if model is None else InitialModel.of(model)
        return self

    def getInitialModel(self) -> DeepNetModel | None:
        """The model whose weights a fit starts from; None: they start at random."""
        return None if self._initial is None else self._initial.model

    def __repr__(self) -> str:
        return stage_text(self)

    def _repr_html_(self) -> str:
        return stage_html(self, f"{type(self).__name__} {self.uid}")

    def setCallbacks(self, callbacks: Sequence[Any], everyEpochs: int = 0) -> Self:
        """Let objects hear on the driver how a fit goes: ``on_train_begin(logs)``, ``on_epoch_end(epoch, logs)``,
        ``on_job_end(job, logs)``, ``on_train_end(logs)``, of which each may be left out (``spark_deepnet.Callback``).

        They hear of an epoch when its Spark job has ended, after ``jobSeconds``; everyEpochs: the number of epochs after
        which a job ends at the latest, which costs a job's second or two; 0: when it ends by itself. Where on_epoch_end or
        on_job_end returns True, the fit ends with the weights that it has. An error in one ends the fit with a
        CallbackError, whose cause it is. Callbacks are copied with the estimator, not saved.
        """
        if type(everyEpochs) is not int or everyEpochs < 0:
            raise ParamError(f"setCallbacks: everyEpochs must be a whole number of 0 or more, found {everyEpochs!r}")
        if not isinstance(callbacks, list | tuple):
            raise ParamError(f"setCallbacks: expected a list of callbacks, found {type(callbacks).__name__}")
        self._callbacks, self._report_every = check_callbacks(callbacks), everyEpochs
        return self

    def getCallbacks(self) -> list[Any]:
        """The callbacks that hear how a fit goes."""
        return list(self._callbacks)

    def fitMultiple(self, dataset: DataFrame, paramMaps: Sequence[dict[Param[Any], Any]]) -> Models:
        """An iterator of (index, model); each model is that of ``fit(dataset, paramMaps[index])`` bit for bit.
        CrossValidator and TrainValidationSplit call this.

        Fits that read the same rows in the same way are made in one Spark job, which reads them once; others, such as those
        with checkpoints, one after another. Errors of Params are raised here, before any fit; what a fit raises is raised
        when its model's turn comes."""
        check_frame(dataset, "fit")
        return fit_multiple([self.copy(params) for params in paramMaps], dataset)

    def _fit(self, dataset: DataFrame) -> DeepNetModel:
        check_frame(dataset, "fit")
        with session_errors(dataset.sparkSession, "fit"), observed(self) as observers:
            model = self._fitted(dataset, observers.callbacks)
            observers.fit_ended(model)
        return model

    def _fitted(self, dataset: DataFrame, more_callbacks: Sequence[Any]) -> DeepNetModel:
        began = time.perf_counter()
        spark = dataset.sparkSession
        with restore_properties(spark):
            self._check_folder(spark)
            spec = FitSpec(self, dataset, self._start)
            dialect_of(spark).use_driver_python()
            cluster = Cluster.of(spark)
            plan, rounds = self._plan(spark, cluster, spec)
            callbacks = Callbacks((*self._callbacks, *more_callbacks))
            outcome = self._train(cluster, spec.frame, plan, rounds, callbacks)
        warn_of_skew(outcome.ranks)
        warn_of_rounding(outcome.ranks)
        warn_of_loss(outcome.clock["history"])
        return self._model(plan, outcome, spec.class_names, time.perf_counter() - began)

    @property
    def _start(self) -> InitialState | None:
        return None if self._initial is None else self._initial.state

    def _check_folder(self, spark: SparkSession) -> None:
        folder = param_or_none(self, "checkpointDir")
        if folder:
            check_folder(spark, folder)

    def explainPlan(
        self,
        dataset: DataFrame,
        latency: float = Link.latency,
        bandwidth: float = Link.bandwidth,
        rows: int | None = None,
    ) -> Forecast:
        """What a fit on the DataFrame would take, printed and returned, without it: parameters, multiply-adds and memory
        of each layer, seconds and bytes of a step, and how the speed would grow with the workers.

        A few steps are timed on this machine; the exchange is estimated from a message's ``latency`` (seconds) and the
        network's ``bandwidth`` (bytes a second). rows: the training rows, of which no step has more, however many
        workers; None: as many as the plan of the DataFrame says, if it does, for they are not counted. Errors are those
        of ``fit``."""
        check_frame(dataset, "explainPlan")
        link, spark = Link(latency, bandwidth), dataset.sparkSession
        self._check_folder(spark)
        cluster = Cluster.of(spark)
        plan, rounds = self._plan(spark, cluster, FitSpec(self, dataset, self._start))
        if plan.recipe.optimizer.full_batch:
            raise ParamError(
                f"explainPlan: it predicts steps of batches, and {plan.recipe.optimizer.kind} makes none; an iteration "
                f"passes over all rows once or a few times"
            )
        predicted = forecast(plan, link, rounds, cluster.worker_memory, _at_most(dataset, rows))
        print(predicted)
        return predicted

    def _train(
        self, cluster: Cluster, frame: DataFrame, plan: TrainPlan, rounds: bool, callbacks: Callbacks
    ) -> Outcome:
        _log.info("fit: %d workers, %s", plan.workers, plan.recipe.architecture.layers)
        callbacks.begin({"workers": plan.workers, "modelBlocks": plan.blocks, "epochs": plan.recipe.epochs})
        with (
            self._bar(cluster, plan) as bar,
            self._checkpoints(frame.sparkSession, plan, rounds) as checkpoints,
        ):
            if rounds:
                outcome = Rounds(frame, plan, bar, checkpoints, self._start, callbacks).run()
            else:
                outcome = self._jobs(cluster, frame, plan, bar, checkpoints, callbacks)
        callbacks.end(outcome.clock["history"])
        return outcome

    def _bar(self, cluster: Cluster, plan: TrainPlan) -> ProgressBar:
        start = COMPILING if note_first_fit(cluster.master) else STARTING
        return ProgressBar(self.getShowProgress(), plan.recipe.epochs, cluster.console_bar, start)

    def _checkpoints(
        self, spark: SparkSession, plan: TrainPlan, rounds: bool
    ) -> AbstractContextManager[Checkpoints | None]:
        if not plan.checkpoint_every:
            return nullcontext()
        return Checkpoints(spark, self.getCheckpointDir(), plan, rounds, self.getKeepCheckpoints())

    def _plan(self, spark: SparkSession, cluster: Cluster, spec: FitSpec) -> tuple[TrainPlan, bool]:
        """What every rank is sent, and whether the fit goes in rounds of ordinary jobs."""
        recipe, rounds = spec.recipe, in_rounds(cluster, self.getExchange())
        wanted, blocks, folder = self.getNumTrainWorkers(), self.getModelBlocks(), param_or_none(self, "checkpointDir")
        if rounds:
            recipe = checked(recipe, self.isSet(self.syncEvery), 1 if blocks == "auto" else blocks)
            grid = Grid(partitions_for(cluster, wanted))
        elif blocks == "auto":
            workers = workers_for(spark, cluster, wanted, 1)
            sparse = taken_sparse(recipe, spec.columns)
            grid = choose(recipe, workers, wanted > 0, cluster.worker_memory, folder is None, sparse)
        else:
            grid = Grid(workers_for(spark, cluster, wanted, blocks) // blocks, blocks)
        plan = TrainPlan(
            recipe=settled(recipe, grid.blocks),
            columns=spec.columns,
            workers=grid.size,
            blocks=grid.blocks,
            job="",
            secret=secrets.token_bytes(32),
            report_every=self._report_every,
            checkpoint_every=max(0, self.getCheckpointInterval()) if folder else 0,
            threads=cluster.task_cpus,
            row_memory=cluster.row_memory(self.getMaxMemoryInMB()),
            ports=ports_of(param_or_none(self, "portRange")),
            identity=b"" if rounds else identity_for(cluster.encrypted, self.getEncryption()),
            initial=self._initial_digest(recipe),
            may_train_alone=not (wanted or rounds) and grid.blocks == 1,
            **plan_fields(self),
        )
        if not rounds:
            check_overlap(plan)
            check_storage(plan, folder is None)
        return plan, rounds

    def _initial_digest(self, recipe: Recipe) -> str:
        """A hash of what the fit starts from, once that has been checked; empty: it starts at random."""
        if self._start is None:
            return ""
        self._start.check_vectors(recipe.optimizer.vectors, recipe.optimizer.kind)
        return self._start.digest(self._start.names(recipe.scores_net().layout))

    def _jobs(
        self,
        cluster: Cluster,
        frame: DataFrame,
        plan: TrainPlan,
        bar: ProgressBar,
        checkpoints: Checkpoints | None,
        callbacks: Callbacks,
    ) -> Outcome:
        state, folder = _state_bytes(plan.recipe, plan.workers), param_or_none(self, "checkpointDir")
        dialect = dialect_of(frame.sparkSession)
        host = dialect.listening_host(cluster.master, cluster.driver_host)
        on_progress = bar.receive if self.getShowProgress() else None
        with closing(DriverListener(host or "", plan, on_progress)) as listener:
            return Jobs(frame, cluster, plan, state, folder, bar, checkpoints, listener, self._start, callbacks).run()

    def _model(self, plan: TrainPlan, outcome: Outcome, names: list[Names], seconds: float) -> DeepNetModel:
        class_names = [None if each is None else list(each) for each in names]
        model = DeepNetModel(plan.recipe.architecture, outcome.weights, class_names)
        model._resetUid(self.uid)
        best = outcome.clock["best_epoch"]
        model.summary_ = TrainingSummary(
            history=outcome.clock["history"],
            ranks=outcome.ranks,
            jobs=outcome.jobs,
            steps=outcome.clock["count"] - outcome.clock["started"],
            seconds=seconds,
            bestEpoch=best if best >= 0 else None,
            syncEvery=plan.recipe.sync_every if plan.recipe.sync_every > 1 else max(1, outcome.clock["tau"]),
            modelBlocks=plan.blocks,
            initialWeights=() if self._start is None else self._start.names(plan.recipe.scores_net().layout),
        )
        return self._copyValues(model)

    @classmethod
    def fromCaffe(
        cls,
        net: str | os.PathLike[str],
        solver: str | os.PathLike[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        solverState: str | os.PathLike[str] | None = None,
        mean: Any = None,
        channelOrder: str = "bgr",
        inputShape: Sequence[int] | None = None,
        scale: float = 1.0,
        skip: Sequence[str] = (),
    ) -> DeepNetEstimator:
        """An estimator that trains a Caffe net (its prototxt for training) as its solver says, from where weights and solver
        state left it. All files are on the driver's disk.

        solver: its prototxt; None: the Params keep their defaults. weights: a caffemodel to start from; solverState: the
        optimizer's vectors and the iteration, with which training goes on as if it had not been interrupted. mean,
        channelOrder, inputShape, scale, skip: those of ``DeepNetModel.fromCaffe``. The columns of features and targets are
        Params, as always: featuresCol and labelCol, unless the net has several.

        FormatError, with file, layer and type, for whatever cannot be read. docs/formats.md says what a solver becomes."""
        training = read_training(
            net,
            solver,
            weights,
            solverState,
            mean=mean,
            scale=scale,
            channel_order=channelOrder,
            input_shape=inputShape,
            skip=skip,
        )
        estimator = cls(layers=list(training.foreign.layers), **training.params)
        estimator._initial = initial_model(training)
        return estimator

    def write(self) -> EstimatorWriter:
        return EstimatorWriter(self)

    @classmethod
    def read(cls) -> EstimatorReader:  # type: ignore[override]
        return EstimatorReader(cls)

    @classmethod
    def load(cls, path: str, modules: Iterable[str] = ()) -> DeepNetEstimator:  # type: ignore[override]
        """The estimator that was saved to a path. modules: names of those with layers of your own that may be imported
        because the file names them; what is imported already needs none."""
        estimator: DeepNetEstimator = cls.read().modules(modules).load(path)
        return estimator


def _at_most(dataset: DataFrame, rows: int | None) -> float:
    """The training rows, where they are known without a job."""
    if rows is not None and rows < 1:
        raise ParamError(f"explainPlan: rows must be at least 1, found {rows}")
    known = dialect_of(dataset.sparkSession).max_rows(dataset) if rows is None else rows
    return math.inf if known is None else max(1, known)


def _state_bytes(recipe: Recipe, workers: int) -> int:
    """Of a fit's whole state."""
    vectors = len(recipe.optimizer.vectors) * (workers if recipe.keeps_own else 1)
    vectors += workers * recipe.keeps_residual
    vectors += recipe.validated + recipe.outer_steps
    return 4 * recipe.scores_net().layout.size * (1 + vectors)
