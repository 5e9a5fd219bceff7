"""A saved stage's metadata: a line of JSON, which is data and not to be trusted.

A stage that is saved over another adds its line beside the old one, whose file is then removed; of two lines the one of
the later ``save`` counts. So at every moment there is a whole line, and it names files that are whole.
"""

from __future__ import annotations

import json
from typing import Any

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter
from pyspark.sql import SparkSession

from spark_deepnet.errors import ModelFormatError, ParamError, SaveError
from spark_deepnet.registry import check_modules
from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.paths import lines_under

LONGEST = 16 << 20
"""Bytes of a line."""


def write_metadata(spark: SparkSession, stage: Any, path: str, **extra: Any) -> None:
    """Add the stage's line to those in the folder; where it fails there may be none, or one."""
    line = DefaultParamsWriter._get_metadata_to_save(stage, spark, extra)
    if len(line.encode()) > LONGEST:
        raise SaveError(
            f"save: the metadata of {path!r} would have {len(line) >> 20} MiB, above the {LONGEST >> 20} MiB that load reads"
        )
    spark.createDataFrame([(line,)], "value string").coalesce(1).write.mode("append").text(f"{path}/metadata")


def read_metadata(spark: SparkSession, path: str, cls: type, modules: list[str]) -> dict[str, Any]:
    """The newest line of metadata, of that class, which names no other modules than may be imported."""
    found = [told for told in map(_told, _lines(spark, path, cls)) if told is not None]
    if not found:
        raise ModelFormatError(
            f"load: {path!r} holds no readable {cls.__name__}: its metadata is not one line of JSON of at most "
            f"{LONGEST >> 20} MiB"
        )
    newest = max(found, key=save_of)
    wanted = f"{cls.__module__}.{cls.__name__}"
    if newest.get("class") != wanted:
        raise ModelFormatError(
            f"load: {path!r} holds no {cls.__name__}: it says class {str(newest.get('class'))[:80]!r}"
        )
    _check(newest, path)
    try:
        check_modules(newest, modules)
    except ParamError as error:
        raise ModelFormatError(f"load: {path!r} cannot be loaded: {error}") from None
    return newest


def _lines(spark: SparkSession, path: str, cls: type) -> list[str]:
    try:
        return lines_under(spark, f"{path}/metadata", LONGEST)
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            raise ModelFormatError(f"load: {path!r} holds no saved {cls.__name__}; there is no metadata") from None
        raise ModelFormatError(f"load: {path!r} holds no readable {cls.__name__}: {deepest_cause(error)}") from None


def _told(line: str) -> dict[str, Any] | None:
    """A line as JSON; None where it is none, or no object."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def save_of(told: dict[str, Any]) -> int:
    """Which save of its folder a line tells of: 1, 2, ...; 0 where it does not say, as before format 3."""
    number = told.get("save", 0)
    return number if type(number) is int else 0


def saves_in(spark: SparkSession, path: str) -> int:
    """The last save of a folder that has metadata."""
    try:
        lines = lines_under(spark, f"{path}/metadata", LONGEST)
    except Exception:  # damaged metadata is replaced as others are
        return 0
    return max((save_of(told) for told in map(_told, lines) if told is not None), default=0)


def _check(told: dict[str, Any], path: str) -> None:
    """Refuse fields that every stage has, where they are not what they should be."""
    uid = told.get("uid")
    if not (isinstance(uid, str) and 0 < len(uid) <= 200 and uid.isprintable()):
        raise ModelFormatError(
            f"load: {path!r} is damaged: uid must be a name of 1 to 200 signs, found {str(uid)[:40]!r}"
        )
    for field in ("paramMap", "defaultParamMap"):
        if not isinstance(told.get(field), dict):
            raise ModelFormatError(f"load: {path!r} is damaged: {field} must be an object of Params")


def with_params(instance: Any, told: dict[str, Any]) -> Any:
    """The stage with the Params and the uid of its metadata."""
    DefaultParamsReader.getAndSetParams(instance, told)
    instance._resetUid(told["uid"])
    return instance
