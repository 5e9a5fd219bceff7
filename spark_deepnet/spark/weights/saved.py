"""Saving and loading without pickle: Spark ML's metadata, and weights as Parquet.

A stage at a path stays complete until its replacement is: new weights are written beside the old ones, then a new line of
metadata makes them the model, then the old files are removed. Nothing is renamed, so this holds on object stores and over
Connect too.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

from pyspark.ml.util import MLReader, MLWriter
from pyspark.sql import SparkSession

from spark_deepnet.errors import DeepNetError, ModelFormatError, ParamError, SaveError
from spark_deepnet.net.pieces import Pieces
from spark_deepnet.plan.architecture import Architecture
from spark_deepnet.spark.layer_values import file_values_from_json, file_values_to_json
from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.paths import check_path, exists, files_under, unescaped
from spark_deepnet.spark.session.removal import remove_folder, remove_unfinished, try_remove
from spark_deepnet.spark.weights.metadata import read_metadata, saves_in, with_params, write_metadata
from spark_deepnet.spark.weights.parquet import DATA, check_apart, data_of, load_weights, save_weights
from spark_deepnet.spark.weights.saved_summary import summary_json, summary_of

FORMAT = 3
"""1 had no column ``block``, and all weights whole; 2 had its weights under ``data`` always."""
_log = logging.getLogger(__name__)


class Writer(MLWriter):
    """Writes an estimator or a model. Unlike Spark's own writer it keeps a stage that it overwrites until the new one is
    complete, overwrites over Connect too, and says in one sentence what went wrong."""

    def __init__(self, instance: Any) -> None:
        super().__init__()
        self.instance = instance

    def save(self, path: str) -> None:
        """Save the stage to a path; SaveError where it cannot be written, and then the stage that was there is intact."""
        path, kept = check_path(path, "save", SaveError), ""
        path = path.rstrip("/") or path
        try:
            metadata = list(files_under(self.sparkSession, f"{path}/metadata"))
            if metadata and not self.shouldOverwrite:
                raise SaveError(f"save: {path!r} exists already; write().overwrite().save(path) replaces it")
            self._check(path)
            kept = "; what was there before is kept" if metadata else ""
            self._replace(path, metadata)
        except DeepNetError:
            raise
        except Exception as error:
            _log.debug("save: %s could not be written", path, exc_info=error)
            raise SaveError(f"save: {path!r} could not be written: {deepest_cause(error)}{kept}") from None

    def saveImpl(self, path: str) -> None:
        self.save(path)

    def _replace(self, path: str, metadata: list[str]) -> None:
        """Write the new stage beside what is there, then remove that where it is to be overwritten."""
        spark, old = self.sparkSession, _names(files_under(self.sparkSession, path), metadata)
        if self.shouldOverwrite and not metadata:  # no stage, so nothing to keep
            remove_folder(spark, path)
        path_is_new = not exists(spark, path)
        data = f"{DATA}-{secrets.token_hex(8)}" if metadata or files_under(spark, f"{path}/{DATA}") else DATA
        try:
            self._save(spark, path, data, saves_in(spark, path) + 1 if metadata else 1)
        except BaseException:
            self._undo(path, metadata, None if path_is_new else data)
            raise
        if self.shouldOverwrite:
            for file in metadata:
                try_remove(spark, file, "save")
            for name in old:
                try_remove(spark, f"{path}/{name}", "save")

    def _undo(self, path: str, metadata: list[str], data: str | None) -> None:
        """Remove what a failed save has written; metadata first, so that no line names weights that are gone. data: the
        folder of the new weights; None: the whole path is new."""
        spark = self.sparkSession
        try:
            for file in files_under(spark, f"{path}/metadata").keys() - set(metadata):
                remove_folder(spark, file)
            remove_unfinished(spark, path if data is None else f"{path}/{data}")
        except Exception as error:
            _log.debug("save: what was written to %s stays", path, exc_info=error)

    def _check(self, path: str) -> None:
        """Refuse a path that the stage cannot be saved to."""

    def _save(self, spark: SparkSession, path: str, data: str, number: int) -> None:
        write_metadata(spark, self.instance, path, save=number)


def _names(files: Iterable[str], metadata: list[str]) -> list[str]:
    """The names of a stage's files and folders beside its metadata, from all files below it."""
    root = metadata[0].rpartition("/")[0].removesuffix("metadata") if metadata else ""
    names = {file.removeprefix(root).partition("/")[0] for file in files} if root else set()
    return sorted(names - {"metadata"})


class ModelWriter(Writer):
    """Writes weights first and metadata last: a save that was broken off leaves no metadata, so nothing to load."""

    def _check(self, path: str) -> None:
        if self.instance.stored is not None and self.shouldOverwrite:
            check_apart(self.sparkSession, self.instance.stored, path)

    def _save(self, spark: SparkSession, path: str, data: str, number: int) -> None:
        model = self.instance
        blocks = save_weights(spark, model, f"{path}/{data}")
        write_metadata(spark, model, path, **facts_of(model, blocks), data=data, save=number)


def facts_of(model: Any, blocks: list[Pieces]) -> dict[str, Any]:
    """What a model's metadata hold beside its Params."""
    facts = {"format": FORMAT, "architecture": model.architecture.to_json(), "blocks": blocks}
    if any(model.class_names):
        facts["classNames"] = model.class_names
    if (summary := summary_json(model.summary_)) is not None:
        facts["summary"] = summary
    if model.file_values:
        facts["fileValues"] = file_values_to_json(model.file_values)
    return facts


class StageReader(MLReader):  # type: ignore[type-arg]
    """The common part of both readers: finds the metadata, and says in one sentence what went wrong."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        self.cls = cls
        self._modules: list[str] = []

    def modules(self, names: Iterable[str]) -> Self:
        """Allow the file to have these modules, or modules in these packages, imported; others must have been imported
        before."""
        given = list(names) if not isinstance(names, str) else [names]
        if not all(isinstance(name, str) and name for name in given):
            raise ParamError(f"load: modules must be a list of names, found {given!r}")
        self._modules += given
        return self

    def load(self, path: str) -> Any:
        """The stage that was saved to a path."""
        path = check_path(path, "load", ModelFormatError)
        path = path.rstrip("/") or path
        with load_errors(path):
            try:
                metadata = read_metadata(self.sparkSession, path, self.cls, self._modules)
            except ModelFormatError as error:
                if unescaped(path) == path or "there is no metadata" not in str(error):
                    raise
                path = unescaped(path)  # as a Pipeline's own path has to be given
                metadata = read_metadata(self.sparkSession, path, self.cls, self._modules)
            return self._stage(path, metadata)

    def _stage(self, path: str, metadata: dict[str, Any]) -> Any:
        raise NotImplementedError


class ModelReader(StageReader):
    """Reads a model, checking every chunk of its weights; weights that are too large for the driver stay on storage."""

    def _stage(self, path: str, metadata: dict[str, Any]) -> Any:
        return model_of(self.cls, path, metadata, partial(load_weights, self.sparkSession))


def model_of(cls: Any, path: str, metadata: dict[str, Any], load: Callable[[Architecture, Any, str], Any]) -> Any:
    """The model of checked metadata; load: its weights, from the architecture, the blocks and the folder."""
    form = metadata.get("format", 1)
    if type(form) is not int or form < 1:
        raise ModelFormatError(f"load: {path!r} is damaged: format must be a whole number, found {str(form)[:40]!r}")
    if form > FORMAT:
        raise ModelFormatError(
            f"load: {path!r} has format {form}, but this installation reads up to {FORMAT}; upgrade spark_deepnet"
        )
    architecture = Architecture.from_json(metadata["architecture"])
    architecture.check_shapes()
    weights = load(architecture, metadata.get("blocks"), f"{path}/{data_of(metadata)}")
    values = file_values_from_json(metadata.get("fileValues"), architecture)
    model = with_params(cls(architecture, weights, metadata.get("classNames"), values), metadata)
    model.check_thresholds()
    model.summary_ = summary_of(metadata.get("summary"))
    return model


@contextmanager
def load_errors(path: str) -> Iterator[None]:
    """Translates whatever a file causes: damage that no checksum covers, a Param or a layer of a later version."""
    try:
        yield
    except ModelFormatError:
        raise
    except (Exception, SystemExit) as error:
        cause = deepest_cause(error) if not isinstance(error, DeepNetError) else str(error)
        raise ModelFormatError(
            f"load: {path!r} is damaged or was written by another version: {type(error).__name__}: {_first_line(cause)}"
        ) from None


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= 200 else f"{line[:197]}..."
