"""DeepNetModel: scores a DataFrame by pandas UDF."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.base import PredictionModel
from pyspark.ml.linalg import DenseVector
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from spark_deepnet.data.schema import Source
from spark_deepnet.errors import DataError
from spark_deepnet.formats.foreign import FileValue
from spark_deepnet.net.net import Net
from spark_deepnet.net.summary import parameters
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.plan.connections import identity_for, ports_of
from spark_deepnet.score.output import PREDICTION, PROBABILITY, RAW, Output
from spark_deepnet.score.rows import one_row
from spark_deepnet.score.score import ScorePlan, part_name, score, value_name
from spark_deepnet.score.streamed import score_streamed
from spark_deepnet.score.values import LayerValue, Wanted
from spark_deepnet.spark.attributes import check_names, metadata_of, metadata_of_vectors
from spark_deepnet.spark.by_rows import by_rows
from spark_deepnet.spark.columns.features import source_of
from spark_deepnet.spark.columns.shapes import check_width
from spark_deepnet.spark.evaluation.attributions import integrated_gradients
from spark_deepnet.spark.evaluation.evaluate import Summary, evaluated
from spark_deepnet.spark.evaluation.importance import permutation_importance
from spark_deepnet.spark.extra_columns import extra_field, extra_parts, extra_value
from spark_deepnet.spark.foreign_models import ForeignModels
from spark_deepnet.spark.layer_values import layer_values
from spark_deepnet.spark.names import check_frame, check_new, column, new_name
from spark_deepnet.spark.output_columns import (
    layer_value,
    layer_value_type,
    output_type,
    output_value,
    scored_type,
    scoring_udf,
)
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.values import check_ranges, names_of, param_or_none
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.spark_errors import session_errors
from spark_deepnet.spark.shown import outputs_text
from spark_deepnet.spark.summary import TrainingSummary
from spark_deepnet.spark.weights.barrier_transform import BarrierTransform, Connections, can_run
from spark_deepnet.spark.weights.files import scorer
from spark_deepnet.spark.weights.on_storage import Stored
from spark_deepnet.spark.weights.saved import ModelReader, ModelWriter
from spark_deepnet.spark.weights.streamed import Shards


class DeepNetModel(ForeignModels, PredictionModel[Any], DeepNetParams, MLWritable, MLReadable["DeepNetModel"]):
    """A trained network. ``transform`` appends predictionCol (double; for several outputs a vector, for several labels
    an array of zeros and ones) and, for classes and labels, the vectors rawPredictionCol (scores) and probabilityCol;
    a column whose name is "" is left out. Several labels also give predictedLabelsCol, the ids of the predicted ones, and
    labelCols a prediction each, ``prediction_a``. Of a network with several outputs these are the first's; the others fill
    columns of the same names and their own behind: ``prediction_age``. ``outputCols`` are the values of ``outputLayers``;
    where all other columns are "", what lies behind these layers is not computed."""

    def __init__(
        self,
        architecture: Architecture | None = None,
        weights: np.ndarray | Stored | None = None,
        class_names: Any = None,
        file_values: Mapping[str, FileValue] | None = None,
    ) -> None:
        """file_values: of a model from a file of another framework, the file's names of values."""
        super().__init__()
        self.summary_: TrainingSummary | None = None
        if architecture is not None and weights is not None:
            self.architecture = architecture
            self._net = architecture.scores_net()
            self._held = weights
            self._outputs = tuple(Output.of(h.loss, h.units, h.steps, h.name, h.image) for h in architecture.heads())
            self.class_names = check_names(class_names, self._outputs)
            self.file_values = dict(file_values or {})

    def __repr__(self) -> str:
        if not hasattr(self, "architecture"):
            return f"{type(self).__name__}()"
        made, weights = outputs_text(self._outputs), sum(map(parameters, self._net.nodes))
        return f"{type(self).__name__}({made} of {self.numFeatures:,} features, {weights:,} weights, uid={self.uid!r})"

    def __str__(self) -> str:
        return f"{self!r}\n{self.net.summary()}" if hasattr(self, "architecture") else repr(self)

    def _repr_html_(self) -> str:
        table = self.net._repr_html_() if hasattr(self, "architecture") else ""
        return f"<p>{escape(repr(self))}</p>\n{table}"

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """ "layer/weight" -> array, read-only: those of a Dense layer are "dense/W" (inputs, units) and "dense/b".
        SizeError where they stay on storage."""
        views = self._net.layout.named(self._flat("weights"))
        for view in views.values():
            view.flags.writeable = False
        return views

    @property
    def stored(self) -> Stored | None:
        """Where the weights lie, if they are too large for the driver."""
        return self._held if isinstance(self._held, Stored) else None

    def _flat(self, what: str) -> np.ndarray:
        if isinstance(self._held, Stored):
            raise self._held.too_large(self.architecture, what)
        return self._held

    @property
    def net(self) -> Net:
        """The network: ``model.net.summary()`` prints its layers, ``model.net.plot()`` draws them for Graphviz."""
        return self.architecture.net()

    @property
    def hasSummary(self) -> bool:
        """Whether it is known how the model was trained: from its fit, or from a file that says it."""
        return self.summary_ is not None

    @property
    def summary(self) -> TrainingSummary:
        """How the fit went; RuntimeError of a model that has none, as from other frameworks or of an earlier version."""
        if self.summary_ is None:
            raise RuntimeError(
                f"no training summary is available for this {type(self).__name__}: it was not "
                f"fitted here, or saved without one"
            )
        return self.summary_

    @property
    def numFeatures(self) -> int:
        """Numbers a row, of the longest row where rows are sequences."""
        return sum(math.prod(entry.shape) for entry in self.architecture.entries)

    @property
    def numClasses(self) -> int:
        """Classes of the first output; 0 for regression and for several labels."""
        return self._outputs[0].classes

    def predict(self, value: Any) -> Any:
        """The first output's prediction for the features of one row: a vector, an array, or for sequences an array of
        steps."""
        prediction = self._row(value)[PREDICTION]
        if self._outputs[0].steps:
            return np.array(prediction)
        return DenseVector(prediction) if self._outputs[0].several else float(prediction)

    def predictRaw(self, value: Any) -> Any:
        """The scores of one row's classes or labels; of every step, as an array, where the network gives these."""
        return self._vector(self._row(value)[RAW])

    def predictProbability(self, value: Any) -> Any:
        """The probabilities of one row's classes or labels; of every step where the network gives these."""
        return self._vector(self._row(value)[PROBABILITY])

    def _vector(self, numbers: Any) -> Any:
        return np.array(numbers) if self._outputs[0].steps else DenseVector(numbers)

    def _row(self, value: Any) -> pd.Series:
        if len(self.architecture.entries) > 1:
            raise DataError("predict: this network reads several columns; score a DataFrame with transform")
        (entry,) = self.architecture.entries
        source, frame = one_row(value, entry)
        self._flat("predict")
        return next(score(self._plan((source,), Wanted(self.architecture, scores=True)), [frame])).iloc[0]

    def _transform(self, dataset: DataFrame) -> DataFrame:
        check_frame(dataset, "transform")
        with session_errors(dataset.sparkSession, "transform"):
            return self._scored_frame(dataset)

    def _scored_frame(self, dataset: DataFrame) -> DataFrame:
        plan, inputs = self._plan_for(dataset)
        wanted, extra = self._wanted(), extra_parts(self, self._outputs[0])
        check_new(dataset, [*(field.name for field in self._fields()), *extra])
        dialect_of(dataset.sparkSession).use_driver_python()
        if not (wanted or extra or plan.values):
            return dataset
        scored = new_name(dataset, "scored")
        if (job := self._barrier_job(dataset)) is not None:
            frame = job.transform(dataset, inputs, plan, StructField(scored, scored_type(plan)))
        else:
            frame = by_rows(dataset).withColumn(
                scored, scoring_udf(plan, self._scorer(dataset, plan))(F.struct(*inputs))
            )
        scores = column(scored)
        if plan.invalid == "skip":
            frame = frame.where(scores["valid"])
        values = [output_value(scores[part_name(part, k)], part, self._outputs[k]) for part, k in wanted.values()]
        values += [layer_value(scores[value_name(k)], value) for k, value in enumerate(plan.values)]
        columns = [
            value.alias(f.name, metadata=f.metadata) for value, f in zip(values, self._fields(), strict=True)
        ]  # selected: withColumns loses metadata over Connect
        columns += [
            extra_value(scores[PREDICTION], part, self._outputs[0]).alias(
                name, metadata=extra_field(name, part).metadata
            )
            for name, part in extra.items()
        ]
        return frame.select("*", *columns).drop(scored)

    def _barrier_job(self, dataset: DataFrame) -> BarrierTransform | None:
        """The job whose ranks hold the blocks of weights that are on storage; None where it is not needed or cannot run."""
        if self.stored is None:
            return None
        cluster = Cluster.of(dataset.sparkSession)
        if not can_run(dataset, cluster, self.stored):
            return None
        identity = identity_for(cluster.encrypted, self.getEncryption())
        connections = Connections(self.getTimeout(), ports_of(param_or_none(self, "portRange")), identity)
        return BarrierTransform.of(cluster, self.stored, connections)

    def _scorer(
        self, dataset: DataFrame, plan: ScorePlan
    ) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
        """What each worker runs by itself."""
        if self.stored is None:
            return scorer(dataset.sparkSession, plan)
        return partial(score_streamed, plan, Shards.of(dataset.sparkSession, self._net, self.stored))

    def evaluate(self, dataset: DataFrame, output: str | None = None) -> Summary:
        """How good the predictions for a DataFrame with labels are: a summary with the names of Spark ML's own.

        Classes: accuracy, precisionByLabel and so on, byLabel (with the texts of a StringIndexer), confusionMatrix, logLoss;
        two classes also roc and areaUnderROC. Several labels: accuracy, microF1Measure, f1MeasureByLabel. Numbers: rmse,
        mae, r2, explainedVariance. Rows count by weightCol; those without a prediction (handleInvalid="keep") are left out.
        labelCol may hold the texts of the classes. output: the name of the output, of several; None: the first.
        """
        check_frame(dataset, "evaluate")
        with session_errors(dataset.sparkSession, "evaluate"):
            return evaluated(self, dataset, output)

    def permutationImportance(
        self, dataset: DataFrame, metric: Any = None, repeats: int = 5, rows: int = 2000, seed: int = 0
    ) -> pd.DataFrame:
        """How much worse the first output predicts where a feature tells nothing: for each feature, the most important
        first, the mean and deviation of metric(rows) - metric(rows with the feature permuted among them), or the other way
        round for metrics of which lower values are better.

        Entries of vectors are features under the names of a VectorAssembler; images, sequences and tokens are one each.
        Features that tell the same can both look unimportant.

        dataset: labelled rows, best such that the model was not trained on; rows: how many of them, drawn at random, are
        scored on the driver; metric: a name or member of the metrics, by default accuracy, or r2 of a regression; repeats:
        permutations of each feature. ``table.attrs["value"]`` is the metric of the rows as they are.
        """
        check_frame(dataset, "permutationImportance")
        with session_errors(dataset.sparkSession, "permutationImportance"):
            return permutation_importance(self, dataset, metric, repeats, rows, seed)

    def integratedGradients(
        self,
        dataset: DataFrame,
        outputCol: str = "attributions",
        target: int | None = None,
        baseline: Any = None,
        steps: int = 32,
        output: str | None = None,
    ) -> DataFrame:
        """The DataFrame with a column that tells how much each feature of a row adds to a score: integrated gradients,
        a_i = (x_i - b_i) integral_0^1 dF/dx_i(b + t (x - b)) dt, whose sum is F(x) - F(b).

        F is the score (rawPrediction; of a regression the prediction) of the class or number ``target``; None: of the class
        that is predicted for the row. baseline: b, the features of a row that tells nothing: a number, an array of a row's
        numbers, or a dictionary of these by input; None: the means of the training rows where the network standardizes the
        input, else 0. steps: points of the integral, each of which costs a pass forward and one back. output: the name of
        the output, of several; None: the first.

        A vector column of the features, in their order; an array of each step's for sequences; for several inputs a column
        each, ``attributions_<input>``. Tokens have no gradients: such inputs get no column. Rows without features follow
        handleInvalid. ParamError or DataError, before any job, for what does not fit.

        Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, ICML 2017."""
        check_frame(dataset, "integratedGradients")
        with session_errors(dataset.sparkSession, "integratedGradients"):
            return integrated_gradients(self, dataset, outputCol, target, baseline, steps, output)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What each output of the network predicts."""
        return self._outputs

    def transformSchema(self, schema: StructType) -> StructType:
        """The schema that transform gives for this one."""
        extra = extra_parts(self, self._outputs[0])
        return StructType([*schema.fields, *self._fields(), *(extra_field(*each) for each in extra.items())])

    def _fields(self) -> list[StructField]:
        """Those that transform adds."""
        return [
            StructField(
                name,
                output_type(part, self._outputs[k]),
                metadata=metadata_of(name, part, self._outputs[k], self.class_names[k]),
            )
            for name, (part, k) in self._wanted().items()
        ] + [
            StructField(name, layer_value_type(value), metadata={} if value.steps else metadata_of_vectors(value.width))
            for name, value in self._layer_values().items()
        ]

    def _layer_values(self) -> dict[str, LayerValue]:
        """The columns of layers' values."""
        return layer_values(self, self.architecture, self.file_values)

    @property
    def classNames(self) -> list[str] | None:
        """The texts of the first output's classes, where the label that it was trained on came from a StringIndexer."""
        return list(self.class_names[0]) if self.class_names[0] else None

    def check_thresholds(self) -> None:
        """Refuse thresholds that are not one a class."""
        self._outputs[0].check_thresholds(param_or_none(self, "thresholds"))

    def _plan_for(self, dataset: DataFrame) -> tuple[ScorePlan, list[Column]]:
        check_ranges(self)
        self.check_thresholds()
        values = tuple(self._layer_values().values())
        scores = bool(self._wanted() or extra_parts(self, self._outputs[0])) or not values
        wanted = Wanted(self.architecture, scores, tuple(value.node for value in values))
        sources, inputs = self._sources(dataset, wanted)
        return self._plan(sources, wanted, values), inputs

    def _sources(self, dataset: DataFrame, wanted: Wanted) -> tuple[tuple[Source, ...], list[Column]]:
        """The inputs that the network reads, and the columns that are sent of them."""
        inputs, sources, read = [], [], wanted.net().inputs
        for entry in self.architecture.entries:
            if entry.name not in read:
                continue
            names = names_of(self, entry.columns)
            check_width(dataset, names, entry)
            columns, source = source_of(dataset, entry, names)
            inputs += columns
            sources.append(source)
        return tuple(sources), inputs

    def _plan(self, sources: tuple[Source, ...], wanted: Wanted, values: tuple[LayerValue, ...] = ()) -> ScorePlan:
        thresholds = param_or_none(self, "thresholds")
        weights = b"" if isinstance(self._held, Stored) else wanted.packed(wanted.net(), self._held).tobytes()
        identity = json.dumps([self.architecture.to_json(), wanted.scores, wanted.nodes])
        digest = hashlib.sha256(identity.encode() + weights).hexdigest()
        return ScorePlan(
            self.architecture,
            self._outputs if wanted.scores else (),
            sources,
            self.getHandleInvalid(),
            tuple(thresholds) if thresholds else None,
            digest,
            weights,
            values,
        )

    def _wanted(self) -> dict[str, tuple[str, int]]:
        """The columns to be written -> what each takes of which output."""
        set_names = {
            PREDICTION: self.getPredictionCol(),
            RAW: self.getRawPredictionCol(),
            PROBABILITY: self.getProbabilityCol(),
        }
        wanted = [
            (f"{name}_{output.name}" if k else name, (part, k))
            for k, output in enumerate(self._outputs)
            for part, name in set_names.items()
            if name and part in output.parts
        ]
        names = [name for name, _ in wanted]
        if len(set(names)) < len(names):
            raise DataError(f"transform: the output columns need different names, found {names}")
        return dict(wanted)

    def write(self) -> ModelWriter:
        return ModelWriter(self)

    @classmethod
    def read(cls) -> ModelReader:  # type: ignore[override]
        return ModelReader(cls)

    @classmethod
    def load(cls, path: str, modules: Iterable[str] = ()) -> DeepNetModel:  # type: ignore[override]
        """The model that was saved to a path. modules: names of those with layers of your own that may be imported
        because the file names them; what is imported already needs none."""
        model: DeepNetModel = cls.read().modules(modules).load(path)
        return model
