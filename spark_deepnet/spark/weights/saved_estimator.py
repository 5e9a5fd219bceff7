"""Saving and loading an estimator: Spark ML's metadata, and as Parquet the weights of an initial model if it has one."""

from __future__ import annotations

from typing import Any, TypeGuard

from pyspark.sql import SparkSession

from spark_deepnet.errors import ModelFormatError
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.spark.initial_model import InitialModel, folders
from spark_deepnet.spark.model import DeepNetModel
from spark_deepnet.spark.weights.metadata import with_params, write_metadata
from spark_deepnet.spark.weights.on_storage import Stored
from spark_deepnet.spark.weights.parquet import data_of, load_weights, save_weights
from spark_deepnet.spark.weights.saved import StageReader, Writer

MAX_VECTORS, MAX_STEPS = 16, 1 << 53


class EstimatorWriter(Writer):
    """Writes the weights of the initial model first, and the Params last."""

    def _save(self, spark: SparkSession, path: str, data: str, number: int) -> None:
        initial: InitialModel | None = self.instance._initial
        if initial is None:
            super()._save(spark, path, data, number)
            return
        architecture = initial.model.architecture
        for name, flat in initial.flats.items():
            blocks = save_weights(spark, DeepNetModel(architecture, flat), f"{path}/{data}/{name}")
        counts = {"vectors": len(initial.vectors), "steps": initial.steps}
        saved = {"architecture": architecture.to_json(), "blocks": blocks, **counts}
        write_metadata(spark, self.instance, path, initialModel=saved, data=data, save=number)


class EstimatorReader(StageReader):
    """Reads an estimator: its Params, and the initial model if it has one."""

    def _stage(self, path: str, metadata: dict[str, Any]) -> Any:
        estimator = with_params(self.cls(), metadata)
        saved = metadata.get("initialModel")
        if saved is not None:
            estimator._initial = self._initial(f"{path}/{data_of(metadata)}", saved)
        return estimator

    def _initial(self, folder: str, saved: Any) -> InitialModel:
        vectors, steps = (saved.get("vectors"), saved.get("steps")) if isinstance(saved, dict) else (None, None)
        if not (_is_count(vectors, MAX_VECTORS) and _is_count(steps, MAX_STEPS)):
            raise ModelFormatError(f"load: the initial model under {folder!r} is damaged: found {str(saved)[:80]}")
        architecture = Architecture.from_json(saved["architecture"])
        architecture.check_shapes()
        weights, *others = (
            load_weights(self.sparkSession, architecture, saved.get("blocks"), f"{folder}/{name}")
            for name in folders(vectors)
        )
        if isinstance(weights, Stored):
            raise ModelFormatError(f"load: the initial model under {folder!r} is damaged: it is cut into blocks")
        return InitialModel(DeepNetModel(architecture, weights), tuple(others), steps)  # type: ignore[arg-type]


def _is_count(value: Any, most: int) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= most
