"""Saving and loading without pickle: Spark ML's metadata, and weights in checksummed chunks of Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from pyspark.errors import AnalysisException
from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLReader, MLWriter
from pyspark.ml.wrapper import JavaWrapper
from pyspark.sql import SparkSession, is_remote

from spark_deepnet.errors import ModelFormatError, SaveError

FORMAT = 1
CHUNK = 4 << 20  # bytes of a weight array in one row
_SCHEMA = "name string, part int, shape array<int>, data binary, sha256 string"


def remove_folder(spark: SparkSession, path: str) -> None:
    """Remove a folder on any filesystem that Spark knows, on both kinds of session; nothing where there is none."""
    if is_remote():
        from pyspark.ml.util import ML_CONNECT_HELPER_ID

        JavaWrapper(java_obj=ML_CONNECT_HELPER_ID)._call_java("handleOverwrite", path, True)
    else:
        helper = JavaWrapper._new_java_obj("org.apache.spark.ml.util.FileSystemOverwrite")
        JavaWrapper(helper)._call_java("handleOverwrite", path, True, spark._jsparkSession)


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
            if _exists(spark, f"{path}/{part}"):
                raise SaveError(f"save: {path!r} exists already; write().overwrite().save(path) replaces it")
        self._save(spark, path)

    def _save(self, spark: SparkSession, path: str) -> None:
        DefaultParamsWriter.saveMetadata(self.instance, path, spark)


class ModelWriter(Writer):
    """Weights first, metadata last: a model that was not written to its end has no metadata and is none."""

    def _save(self, spark: SparkSession, path: str) -> None:
        rows = list(chunks_of(self.instance.weights))
        spark.createDataFrame(rows, _SCHEMA).write.parquet(f"{path}/data")
        extra = {"format": FORMAT, "architecture": self.instance.architecture.to_json(), "chunks": len(rows)}
        DefaultParamsWriter.saveMetadata(self.instance, path, spark, extraMetadata=extra)


def _exists(spark: SparkSession, path: str) -> bool:
    try:
        spark.read.text(path).schema  # noqa: B018 - Connect looks for the path only when asked
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error):
            return False
        raise
    return True


def chunks_of(weights: Mapping[str, np.ndarray]) -> Iterator[tuple[str, int, list[int], bytes, str]]:
    """Rows of Parquet: each array's bytes, little-endian float32, in chunks with their SHA-256."""
    for name, array in weights.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        for part, start in enumerate(range(0, max(1, len(raw)), CHUNK)):
            data = raw[start : start + CHUNK]
            yield name, part, list(array.shape), data, hashlib.sha256(data).hexdigest()


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
    """Reads a model and checks every chunk of its weights."""

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
            weights = weights_of(_rows(spark, path), path, metadata["chunks"])
            return with_params(self.cls.made(metadata["architecture"], weights), metadata)


@contextmanager
def _refused(path: str) -> Iterator[None]:
    """What no stage can be made of: damage that no checksum covers, a Param or a layer of a later version."""
    try:
        yield
    except ModelFormatError:
        raise
    except Exception as error:
        raise ModelFormatError(
            f"load: {path!r} is damaged or was written by another version: {type(error).__name__}: {_first_line(error)}"
        ) from None


def metadata_of(spark: SparkSession, path: str, cls: type) -> dict[str, Any]:
    try:
        return DefaultParamsReader.loadMetadata(path, spark, f"{cls.__module__}.{cls.__name__}")
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            raise ModelFormatError(f"load: {path!r} holds no saved {cls.__name__}; there is no metadata") from None
        raise ModelFormatError(f"load: {path!r} holds no readable {cls.__name__}: {_first_line(error)}") from None


def with_params(instance: Any, metadata: dict[str, Any]) -> Any:
    DefaultParamsReader.getAndSetParams(instance, metadata)
    instance._resetUid(metadata["uid"])
    return instance


def _rows(spark: SparkSession, path: str) -> list[Any]:
    try:
        return list(spark.read.schema(_SCHEMA).parquet(f"{path}/data").collect())
    except Exception as error:
        raise ModelFormatError(
            f"load: the weights under {path!r} cannot be read, so the model is damaged: {_first_line(error)}"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def weights_of(rows: list[Any], path: str, expected: int) -> dict[str, np.ndarray]:
    """The arrays of checked chunks."""
    if len(rows) != expected:
        raise ModelFormatError(f"load: the model under {path!r} is damaged: {len(rows)} of {expected} chunks are there")
    arrays: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda r: (str(r["name"]), r["part"] or 0)):
        if row["data"] is None or hashlib.sha256(row["data"]).hexdigest() != row["sha256"]:
            raise ModelFormatError(
                f"load: the model under {path!r} is damaged: the checksum of {row['name']!r}, part {row['part']}, "
                f"does not agree with its data"
            )
        arrays.setdefault(row["name"], []).append(row)
    return {name: _array(parts, path) for name, parts in arrays.items()}


def _array(parts: list[Any], path: str) -> np.ndarray:
    flat = np.frombuffer(b"".join(p["data"] for p in parts), "<f4")
    shape = tuple(parts[0]["shape"])
    if flat.size != int(np.prod(shape)):
        raise ModelFormatError(f"load: the model under {path!r} is damaged: {parts[0]['name']!r} has not shape {shape}")
    return flat.reshape(shape)
