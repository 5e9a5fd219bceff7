"""Saving and loading without pickle: Spark ML's metadata, and weights as Parquet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLReader, MLWriter
from pyspark.ml.wrapper import JavaWrapper
from pyspark.sql import SparkSession, is_remote

from spark_deepnet.errors import ModelFormatError, SaveError
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.spark.failures import first_line
from spark_deepnet.spark.found import found
from spark_deepnet.spark.weights import check_apart, load_weights, save_weights

FORMAT = 2
"""1 had no column ``block``, and all weights whole."""
_log = logging.getLogger(__name__)


def remove_folder(spark: SparkSession, path: str) -> None:
    """Remove a folder on any filesystem that Spark knows, on both kinds of session; nothing where there is none."""
    if is_remote():
        from pyspark.ml.util import ML_CONNECT_HELPER_ID

        JavaWrapper(java_obj=ML_CONNECT_HELPER_ID)._call_java("handleOverwrite", path, True)
    else:
        helper = JavaWrapper._new_java_obj("org.apache.spark.ml.util.FileSystemOverwrite")
        JavaWrapper(helper)._call_java("handleOverwrite", path, True, spark._jsparkSession)


def try_remove(spark: SparkSession, path: str) -> None:
    """What cannot be removed stays: a fit is not lost for that."""
    try:
        remove_folder(spark, path)
    except Exception as error:
        _log.warning("fit: %s could not be removed: %s", path, first_line(error))


class Writer(MLWriter):
    """Writes an estimator or a model; what it adds to upstream's is ``overwrite`` on Connect and one sentence where the
    path is taken."""

    def __init__(self, instance: Any) -> None:
        super().__init__()
        self.instance = instance

    def _handleOverwrite(self, path: str) -> None:
        remove_folder(self.sparkSession, path)

    def saveImpl(self, path: str) -> None:
        spark = self.sparkSession
        for part in ("metadata", "data"):
            if found(spark.read.text, f"{path}/{part}") is not None:
                raise SaveError(f"save: {path!r} exists already; write().overwrite().save(path) replaces it")
        self._save(spark, path)

    def _save(self, spark: SparkSession, path: str) -> None:
        DefaultParamsWriter.saveMetadata(self.instance, path, spark)


class ModelWriter(Writer):
    """Weights first, metadata last: a model that was not written to its end has no metadata and is none."""

    def _handleOverwrite(self, path: str) -> None:
        if self.instance.stored is not None:
            check_apart(self.sparkSession, self.instance.stored, path)
        super()._handleOverwrite(path)

    def _save(self, spark: SparkSession, path: str) -> None:
        model = self.instance
        blocks = save_weights(spark, model, f"{path}/data")
        extra = {"format": FORMAT, "architecture": model.architecture.to_json(), "blocks": blocks}
        if any(model.class_names):
            extra["classNames"] = model.class_names
        DefaultParamsWriter.saveMetadata(model, path, spark, extraMetadata=extra)


class EstimatorReader(MLReader):  # type: ignore[type-arg]
    """Reads an estimator, which is its Params."""

    def __init__(self, cls: type) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> Any:
        metadata = metadata_of(self.sparkSession, path, self.cls)
        with _refused(path):
            return with_params(self.cls(), metadata)


class ModelReader(MLReader):  # type: ignore[type-arg]
    """Reads a model, checking every chunk of its weights; those that are too large for the driver stay where they are."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> Any:
        spark = self.sparkSession
        metadata = metadata_of(spark, path, self.cls)
        if metadata.get("format", 0) > FORMAT:
            raise ModelFormatError(
                f"load: {path!r} has format {metadata['format']}, but this installation reads up to {FORMAT}; "
                f"upgrade spark_deepnet"
            )
        with _refused(path):
            architecture = Architecture.from_json(metadata["architecture"])
            weights = load_weights(spark, architecture, metadata.get("blocks"), path)
            return with_params(self.cls(architecture, weights, metadata.get("classNames")), metadata)


@contextmanager
def _refused(path: str) -> Iterator[None]:
    """What no stage can be made of: damage that no checksum covers, a Param or a layer of a later version."""
    try:
        yield
    except ModelFormatError:
        raise
    except Exception as error:
        raise ModelFormatError(
            f"load: {path!r} is damaged or was written by another version: {type(error).__name__}: {first_line(error)}"
        ) from None


def metadata_of(spark: SparkSession, path: str, cls: type) -> dict[str, Any]:
    try:
        return DefaultParamsReader.loadMetadata(path, spark, f"{cls.__module__}.{cls.__name__}")
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            raise ModelFormatError(f"load: {path!r} holds no saved {cls.__name__}; there is no metadata") from None
        raise ModelFormatError(f"load: {path!r} holds no readable {cls.__name__}: {first_line(error)}") from None


def with_params(instance: Any, metadata: dict[str, Any]) -> Any:
    DefaultParamsReader.getAndSetParams(instance, metadata)
    instance._resetUid(metadata["uid"])
    return instance
