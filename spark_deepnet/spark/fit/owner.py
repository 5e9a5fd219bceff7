"""Who writes to a checkpointDir: a line beside the checkpoints, of a driver's host, process and fit.

No filesystem that Spark knows has locks that they all have. So a driver that is known to live keeps the folder; one that
is not, because it has died or because its host is another, loses it to who comes next, and finds out before it writes."""

from __future__ import annotations

import json
import logging
import os
import platform
import uuid
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.session.paths import exists, lines_under
from spark_deepnet.spark.session.removal import try_remove

FOLDER = "deepnet-owner"
MAX_LINE_BYTES = 1 << 16
_log = logging.getLogger(__name__)


class Owner:
    """A fit's claim to a folder."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark, self.folder, self.path = spark, folder, f"{folder.rstrip('/')}/{FOLDER}"
        self.own = {"fit": uuid.uuid4().hex, "host": platform.node(), "pid": os.getpid()}
        self.own["began"] = began(os.getpid())

    def claim(self) -> None:
        """Take the folder; a ParamError where another driver is known to write to it now."""
        told = self._told()
        if told is not None and lives(told):
            raise self._refused(told, "writes")
        try:
            line = self.spark.createDataFrame([(json.dumps(self.own),)], "value string")
            line.coalesce(1).write.mode("overwrite").text(self.path)
        except Exception as error:  # the first checkpoint tells what is wrong
            _log.debug("the owner of %s cannot be noted", self.folder, exc_info=error)

    def check(self) -> None:
        """A ParamError where another driver has taken the folder since."""
        told = self._told()
        if told is not None and told.get("fit") != self.own["fit"]:
            raise self._refused(told, "has begun to write")

    def is_ours(self) -> bool:
        """Whether nobody else has taken it."""
        told = self._told()
        return told is None or told.get("fit") == self.own["fit"]

    def release(self) -> None:
        """Leave it to whoever wants it."""
        if self.is_ours():
            try_remove(self.spark, self.path)

    def _told(self) -> dict[str, Any] | None:
        try:
            lines = lines_under(self.spark, self.path, MAX_LINE_BYTES) if exists(self.spark, self.path) else []
            told = json.loads(lines[0]) if lines else None
        except Exception as error:  # being written, or damaged: nobody's
            _log.debug("the owner of %s cannot be read", self.folder, exc_info=error)
            return None
        return told if isinstance(told, dict) else None

    def _refused(self, told: dict[str, Any], does: str) -> ParamError:
        return ParamError(
            f"checkpointDir: another driver (process {told.get('pid')} on {told.get('host')}) {does} its checkpoints to "
            f"{self.folder!r}; give each fit a folder of its own, or set checkpointInterval to -1"
        )


def lives(told: dict[str, Any]) -> bool:
    """Whether another process of this host is the one that is told of."""
    here = told.get("host") == platform.node() and told.get("pid") != os.getpid()
    return here and isinstance(told.get("pid"), int) and began(told["pid"]) == told.get("began", "")


def began(pid: int) -> str | None:
    """When a process has begun, as the system tells it; None of one that has ended, or where it does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
