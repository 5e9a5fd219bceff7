"""Whether something lies at a path of any filesystem that Spark knows."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame


def path_exists(load: Callable[[list[str]], DataFrame], path: str) -> DataFrame | None:
    """What a reader, such as spark.read.text, gives for a path or a pattern, all of it twice; None where nothing is there.

    Twice, because Spark looks at a path that is given alone for the metadata of a stream, and where the path does not
    exist, or is a pattern, it logs a page of Java stack trace.
    """
    try:
        rows = load([path, path])
        rows.schema  # noqa: B018 - Connect looks for the path only when asked
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error):
            return None
        raise
    return rows
