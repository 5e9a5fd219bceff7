"""Paths as they are written: Spark writes to the very name that it is given, but reads it as a pattern.

All reading of what this package has written goes through here, so that ``runs[1]`` is one folder and not ``runs1``.
"""

from __future__ import annotations

import os
import re
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet.errors import DeepNetError
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.path_exists import path_exists

_WILD = re.compile(r"[\[\]{}*?\\]")
_SCHEME_ALONE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!/)")
_BEFORE_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://[^/]*)?")
_LINES = {"pathGlobFilter": "{part-*.txt,part-?????}"}
"""Text files as Spark names them; not compressed ones, of which a line may be any length."""
_MAX_LINE_BYTES = "mapreduce.input.linerecordreader.line.maxlength"


def literal(path: str) -> str:
    """The path for Spark's readers, with no sign that they take for a wildcard."""
    return _WILD.sub(r"\\\g<0>", path)


def check_path(path: Any, where: str, error: type[DeepNetError]) -> str:
    """The path, where Spark can write to it and read from it again; else an error. where: a method or a Param."""
    path = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(path, str) or not path.strip():
        raise error(f"{where}: expected the path of a folder, found {path!r}")
    if _SCHEME_ALONE.match(path):
        raise error(
            f"{where}: in {path!r} Spark takes what is before the colon for a filesystem; give an absolute path, such as "
            f"'/data/{path}'"
        )
    names = _BEFORE_PATH.sub("", path, count=1) if _BEFORE_PATH.match(path) else path
    if ":" in names and _WILD.search(names):
        raise error(
            f"{where}: Spark reads no path that has a colon and one of []{{}}*?\\ as well, found {path!r}; rename it"
        )
    if any(ord(sign) < 32 for sign in path):
        raise error(f"{where}: {path!r} has a control character; name a folder without one")
    return path


def unescaped(path: str) -> str:
    """A path in which someone has escaped wildcards for Spark, as for PipelineModel.load."""
    return re.sub(r"\\([\[\]{}*?\\])", r"\1", path)


def exists(spark: SparkSession, path: str) -> bool:
    """Whether there is a file or a folder, be it empty."""
    return _below(spark, path) is not None


def _below(spark: SparkSession, path: str) -> DataFrame | None:
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    return path_exists(reader.load, literal(path))


def files_under(spark: SparkSession, path: str) -> dict[str, int]:
    """All files at or below a path, by their whole addresses, with their sizes in bytes; hidden ones are left out, as
    Spark leaves them out."""
    below = _below(spark, path)
    return {} if below is None else {row[0]: row[1] for row in below.select("path", "length").collect()}


def lines_under(spark: SparkSession, path: str, max_bytes: int, max_lines: int = 100) -> list[str]:
    """The first lines of the text files in a folder, without those that are longer, which take no memory."""
    lines = spark.read.options(**_LINES, **{_MAX_LINE_BYTES: str(max_bytes)}).text(literal(path))
    return [row[0] for row in lines.take(max_lines)]


def tails(spark: SparkSession, path: str, max_bytes: int, length: int) -> list[bytes]:
    """The last ``length`` bytes of each file in a folder that has at most ``max_bytes``."""
    files = spark.read.format("binaryFile").load(literal(path)).where(F.col("length") <= max_bytes)
    return [bytes(row[0]) for row in files.select(F.substring("content", -length, length)).collect()]


def folder_identity(spark: SparkSession, path: str) -> str:
    """One name for all spellings of a folder: "/f", "/f/", "file:/f" and "/e/../f" are one where files are local."""
    return dialect_of(spark).folder_identity(path)
