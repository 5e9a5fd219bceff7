"""A saved stage's metadata: a line of JSON, which is data and not to be trusted.

A stage that is saved over another adds its line beside the old one, whose file is then removed; of two lines the one with
the higher ``save`` counts. So at every moment there is a complete line, and the files that it names are complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter
from pyspark.sql import SparkSession

from spark_deepnet.errors import ModelFormatError, ParamError, SaveError
from spark_deepnet.registry import check_modules
from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.paths import lines_under

MAX_LINE_BYTES = 16 << 20


def write_metadata(spark: SparkSession, stage: Any, path: str, **extra: Any) -> None:
    """Add the stage's line to those in the folder."""
    line = DefaultParamsWriter._get_metadata_to_save(stage, spark, extra)
    if len(line.encode()) > MAX_LINE_BYTES:
        raise SaveError(
            f"save: the metadata of {path!r} would have {len(line) >> 20} MiB, but load reads at most "
            f"{MAX_LINE_BYTES >> 20} MiB"
        )
    spark.createDataFrame([(line,)], "value string").coalesce(1).write.mode("append").text(f"{path}/metadata")


def read_metadata(spark: SparkSession, path: str, cls: type, modules: list[str]) -> dict[str, Any]:
    """The newest line, which must be of that class and name only modules that may be imported."""
    return newest_of(_lines(spark, path, cls), path, cls, modules)


def newest_of(texts: Iterable[str], path: str, cls: type, modules: list[str]) -> dict[str, Any]:
    """The newest of the lines in the folder, checked."""
    lines = [parsed for line in texts if (parsed := _parsed(line)) is not None]
    if not lines:
        raise ModelFormatError(
            f"load: {path!r} holds no readable {cls.__name__}: its metadata is not one line of JSON of at most "
            f"{MAX_LINE_BYTES >> 20} MiB"
        )
    newest = max(lines, key=save_of)
    wanted = f"{cls.__module__}.{cls.__name__}"
    if newest.get("class") != wanted:
        raise ModelFormatError(
            f"load: {path!r} holds no {cls.__name__}: its class is {str(newest.get('class'))[:80]!r}"
        )
    _check(newest, path)
    try:
        check_modules(newest, modules)
    except ParamError as error:
        raise ModelFormatError(f"load: {path!r} cannot be loaded: {error}") from None
    return newest


def _lines(spark: SparkSession, path: str, cls: type) -> list[str]:
    try:
        return lines_under(spark, f"{path}/metadata", MAX_LINE_BYTES)
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            raise ModelFormatError(f"load: {path!r} holds no saved {cls.__name__}; there is no metadata") from None
        raise ModelFormatError(f"load: {path!r} holds no readable {cls.__name__}: {deepest_cause(error)}") from None


def _parsed(line: str) -> dict[str, Any] | None:
    """A line as a JSON object; None where it is something else."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def save_of(metadata: dict[str, Any]) -> int:
    """The number of the save that wrote this line: 1, 2, ...; 0 where there is none, as before format 3."""
    number = metadata.get("save", 0)
    return number if type(number) is int else 0


def saves_in(spark: SparkSession, path: str) -> int:
    """The number of the last save to a folder that has metadata."""
    try:
        lines = lines_under(spark, f"{path}/metadata", MAX_LINE_BYTES)
    except Exception:  # damaged metadata is replaced as others are
        return 0
    return max((save_of(parsed) for parsed in map(_parsed, lines) if parsed is not None), default=0)


def _check(metadata: dict[str, Any], path: str) -> None:
    """Refuse fields that every stage has, where they are not what they should be."""
    uid = metadata.get("uid")
    if not (isinstance(uid, str) and 0 < len(uid) <= 200 and uid.isprintable()):
        raise ModelFormatError(
            f"load: {path!r} is damaged: uid must be a name of 1 to 200 characters, found {str(uid)[:40]!r}"
        )
    for field in ("paramMap", "defaultParamMap"):
        if not isinstance(metadata.get(field), dict):
            raise ModelFormatError(f"load: {path!r} is damaged: {field} must be an object of Params")


def with_params(instance: Any, metadata: dict[str, Any]) -> Any:
    """The stage with the Params and the uid of its metadata."""
    DefaultParamsReader.getAndSetParams(instance, metadata)
    instance._resetUid(metadata["uid"])
    return instance
