"""DeepNetModel: scores a DataFrame by pandas UDF."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.base import PredictionModel
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseVector, VectorUDT
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, StructField, StructType

from spark_deepnet.errors import DataError, NetworkError
from spark_deepnet.net.net import INPUT
from spark_deepnet.net.run import Runner
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.rows.columns import Columns
from spark_deepnet.rows.table import Dense
from spark_deepnet.score.output import PREDICTION, PROBABILITY, RAW, Output
from spark_deepnet.score.score import ScorePlan, score, scores
from spark_deepnet.spark import cluster, read
from spark_deepnet.spark.design import check_ranges, told
from spark_deepnet.spark.params import DeepNetParams
from spark_deepnet.spark.persist import ModelReader, ModelWriter
from spark_deepnet.spark.summary import TrainingSummary

_NUMBERS = ArrayType(DoubleType())


class DeepNetModel(PredictionModel[Any], DeepNetParams, MLWritable, MLReadable["DeepNetModel"]):
    """A trained network. ``transform`` appends predictionCol (double; for several outputs a vector, for several labels
    an array of zeros and ones) and, for classes and labels, the vectors rawPredictionCol (scores) and probabilityCol;
    a column whose name is "" is left out."""

    def __init__(self, architecture: Architecture | None = None, flat: np.ndarray | None = None) -> None:
        super().__init__()
        self.summary_: TrainingSummary | None = None
        if architecture is not None and flat is not None:
            self.architecture = architecture
            self._net = architecture.scores_net()
            self._flat = flat
            self._output = Output.of(architecture.made_loss(), self._net.shape[0])

    @classmethod
    def made(cls, architecture: dict[str, Any], weights: Mapping[str, np.ndarray]) -> DeepNetModel:
        """A model of an architecture's JSON and weights by name; NetworkError where they do not agree."""
        found = Architecture.from_json(architecture)
        return cls(found, Layout(found.scores_net()).packed(weights))

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """"layer/weight" -> array, read-only: those of a Dense layer are "dense/W" (inputs, units) and "dense/b"."""
        views = Layout(self._net).named(self._flat)
        for view in views.values():
            view.flags.writeable = False
        return views

    @property
    def hasSummary(self) -> bool:
        """Whether this model comes from fit rather than from a file."""
        return self.summary_ is not None

    @property
    def summary(self) -> TrainingSummary:
        """How the fit went; RuntimeError on a loaded model, which has none."""
        if self.summary_ is None:
            raise RuntimeError(f"no training summary is available for this {type(self).__name__}: it was not just fitted")
        return self.summary_

    @property
    def numFeatures(self) -> int:
        """Features a row."""
        return int(np.prod(self.architecture.input_shape))

    @property
    def numClasses(self) -> int:
        """Classes; 0 for regression and for several labels."""
        return self._output.classes

    def predict(self, value: Any) -> Any:
        """The prediction for one vector or array of features."""
        found = self._columns_of(value)[PREDICTION][0]
        return DenseVector(found) if self._output.several else float(found)

    def predictRaw(self, value: Any) -> DenseVector:
        """The scores of one row's classes or labels."""
        return DenseVector(self._columns_of(value)[RAW][0])

    def predictProbability(self, value: Any) -> DenseVector:
        """The probabilities of one row's classes or labels."""
        return DenseVector(self._columns_of(value)[PROBABILITY][0])

    def _columns_of(self, value: Any) -> dict[str, np.ndarray]:
        row = np.asarray(value.toArray() if hasattr(value, "toArray") else value, np.float32).reshape(1, -1)
        if row.shape[1] != self.numFeatures:
            raise DataError(f"predict: a vector of length {row.shape[1]}, but the first layer takes {self.numFeatures}")
        runner = Runner(self._net, self._flat, 1, training=False)
        return self._output.columns(scores(runner, Dense(row)), told(self, "thresholds"))

    def _transform(self, dataset: DataFrame) -> DataFrame:
        plan, inputs = self._plan(dataset)
        wanted = self._wanted(plan.output)
        self._check_names(dataset, wanted)
        cluster.share_python(dataset.sparkSession)
        if not wanted:
            return dataset
        scored = "{}_scored".format(self.uid)
        frame = dataset.withColumn(scored, _udf(plan)(F.struct(*inputs)))
        if plan.invalid == "skip":
            frame = frame.where(F.col(f"{scored}.valid"))
        columns = {name: _shown(F.col(f"{scored}.{part}"), part, plan.output) for part, name in wanted.items()}
        return frame.withColumns(columns).drop(scored)

    def transformSchema(self, schema: StructType) -> StructType:
        """The schema that transform gives for this one."""
        kinds = {RAW: VectorUDT(), PROBABILITY: VectorUDT(), PREDICTION: _kind_of_prediction(self._output)}
        added = [StructField(name, kinds[part]) for part, name in self._wanted(self._output).items()]
        return StructType([*schema.fields, *added])

    def _plan(self, dataset: DataFrame) -> tuple[ScorePlan, list[Column]]:
        check_ranges(self)
        thresholds = told(self, "thresholds")
        self._output.check_thresholds(thresholds)
        featuresCols = told(self, "featuresCols")
        inputs, vectors = read.feature_columns(dataset, self.getFeaturesCol(), featuresCols)
        known = read.width_told(dataset, self.getFeaturesCol(), featuresCols)
        if known is not None and known != self.numFeatures:
            raise NetworkError(
                f"column {featuresCols or self.getFeaturesCol()!r}: vectors of length {known}, but the first layer takes "
                f"{self.numFeatures}"
            )
        name = ", ".join(featuresCols) if featuresCols else self.getFeaturesCol()
        columns = Columns(width=self.numFeatures, features=name, vectors=vectors)
        weights = self._flat.tobytes()
        digest = hashlib.sha256(json.dumps(self.architecture.to_json()).encode() + weights).hexdigest()
        plan = ScorePlan(
            self.architecture,
            self._output,
            columns,
            self.getHandleInvalid(),
            tuple(thresholds) if thresholds else None,
            digest,
            weights,
        )
        return plan, inputs

    def _wanted(self, output: Output) -> dict[str, str]:
        """What is computed -> the column that takes it."""
        names = {PREDICTION: self.getPredictionCol()}
        if output.raw:
            names[RAW] = self.getRawPredictionCol()
        if output.probability:
            names[PROBABILITY] = self.getProbabilityCol()
        return {part: name for part, name in names.items() if name}

    def _check_names(self, dataset: DataFrame, wanted: dict[str, str]) -> None:
        for name in wanted.values():
            if name in dataset.columns:
                raise DataError(f"transform: the column {name!r} exists already; drop it, or set another output column")
        if len(set(wanted.values())) < len(wanted):
            raise DataError(f"transform: the output columns need different names, found {list(wanted.values())}")

    def write(self) -> ModelWriter:
        return ModelWriter(self)

    @classmethod
    def read(cls) -> ModelReader:  # type: ignore[override]
        return ModelReader(cls)


def _udf(plan: ScorePlan) -> Any:
    """One UDF that gives one struct: with a UDF a column, the network would run once a column. It counts as not
    deterministic so that Spark does not run it again for the filter that drops invalid rows."""
    output = plan.output
    fields = ["valid boolean"]
    fields += ["raw array<float>"] if output.raw else []
    fields += ["probability array<float>"] if output.probability else []
    fields += ["prediction array<double>" if output.several else "prediction double"]

    def scored(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        yield from score(plan, frames)

    return F.pandas_udf(scored, ", ".join(fields)).asNondeterministic()  # type: ignore[call-overload]


def _shown(found: Column, part: str, output: Output) -> Column:
    """A part of the struct as Spark ML's evaluators want it."""
    if part == PREDICTION and not output.several:
        return F.coalesce(found, F.lit(float("nan")))  # Arrow makes nulls of NaN, which evaluators do not read
    if part == PREDICTION and output.raw:
        return found
    return array_to_vector(found)


def _kind_of_prediction(output: Output) -> Any:
    if not output.several:
        return DoubleType()
    return _NUMBERS if output.raw else VectorUDT()
