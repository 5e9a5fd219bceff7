"""What a random search gives: the best model, and a table of all samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import pandas as pd
from pyspark.ml.base import Model
from pyspark.ml.util import DefaultParamsReader, MLReadable, MLWritable
from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import ModelFormatError
from spark_deepnet.spark.params.converters import members_of
from spark_deepnet.spark.weights.metadata import write_metadata
from spark_deepnet.spark.weights.parquet import data_of
from spark_deepnet.spark.weights.saved import StageReader, Writer


class RandomSearchModel(Model, MLWritable, MLReadable["RandomSearchModel"]):  # type: ignore[type-arg]
    """The model of the best sample, which ``transform`` applies, and how all samples did."""

    bestModel: Any
    """The best sample's model, fitted on all rows."""
    avgMetrics: list[float]
    """Each sample's metric, the mean over the folds; under halving, of the last round that it took part in."""
    stdMetrics: list[float]
    """The deviation of the folds' metrics; 0 where the rows are split once."""
    bestIndex: int
    """The place of the best sample."""

    def __init__(
        self, best: Any = None, rows: Sequence[Mapping[str, Any]] = (), metric: str = "", index: int = 0
    ) -> None:
        """rows: of each sample its Params as JSON values, its metric, deviation and maximum of epochs; metric: its name."""
        super().__init__()
        self.bestModel, self.bestIndex, self._rows, self._metric = best, index, list(rows), metric
        self.avgMetrics = [row["metric"] for row in self._rows]
        self.stdMetrics = [row["deviation"] for row in self._rows]

    @property
    def table(self) -> pd.DataFrame:
        """A row a sample, in the order in which they were drawn: its Params, its metric under the metric's name, the
        deviation over the folds, and under halving the epochs that it was given."""
        rows = [
            {name: members_of(value) for name, value in row["params"].items()}
            | {self._metric: row["metric"], f"{self._metric} deviation": row["deviation"]}
            | ({} if row["epochs"] is None else {"epochs given": row["epochs"]})
            for row in self._rows
        ]
        return pd.DataFrame(rows)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        transformed: DataFrame = self.bestModel.transform(dataset)
        return transformed

    def copy(self, extra: dict[Any, Any] | None = None) -> Self:
        """A copy whose best model is a copy with these Params."""
        copied = super().copy()
        copied.bestModel = self.bestModel.copy(extra or {})
        return copied

    def write(self) -> SearchWriter:
        return SearchWriter(self)

    @classmethod
    def read(cls) -> SearchReader:  # type: ignore[override]
        return SearchReader(cls)

    @classmethod
    def load(cls, path: str, modules: Iterable[str] = ()) -> RandomSearchModel:  # type: ignore[override]
        """The model that was saved to a path. modules: as of ``DeepNetModel.load``."""
        model: RandomSearchModel = cls.read().modules(modules).load(path)
        return model


class SearchWriter(Writer):
    """Writes the best model first and metadata last."""

    def _save(self, spark: SparkSession, path: str, data: str, number: int) -> None:
        model = self.instance
        model.bestModel.write().session(spark).save(f"{path}/{data}")
        extra = {"samples": model._rows, "metric": model._metric, "best": model.bestIndex}
        write_metadata(spark, model, path, **extra, data=data, save=number)


class SearchReader(StageReader):
    """Reads the table, and the best model by the class that its own metadata names, as Spark's readers do."""

    def _stage(self, path: str, metadata: dict[str, Any]) -> Any:
        best = DefaultParamsReader.loadParamsInstance(f"{path}/{data_of(metadata)}", self.sparkSession)
        try:
            model = self.cls(best, metadata["samples"], metadata["metric"], metadata["best"])
            return model._resetUid(metadata["uid"])
        except (KeyError, TypeError) as error:
            raise ModelFormatError(f"load: the samples of {path!r} are damaged: {error}") from None
