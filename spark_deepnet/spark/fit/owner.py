"""Which driver writes to a checkpointDir: a line beside the checkpoints with its host, process and fit.

The filesystems that Spark knows have no lock in common. So a driver that is known to be alive keeps the folder. One that is
not, because it has died or runs on another host, loses it to the next, and finds out before it writes."""

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
    """A fit's claim to a checkpoint folder."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark, self.folder, self.path = spark, folder, f"{folder.rstrip('/')}/{FOLDER}"
        self.own = {"fit": uuid.uuid4().hex, "host": platform.node(), "pid": os.getpid()}
        self.own["began"] = start_time(os.getpid())

    def claim(self) -> None:
        """Take the folder; ParamError where another driver is known to write to it now."""
        owner = self._current()
        if owner is not None and is_alive(owner):
            raise self._refused(owner, "writes")
        try:
            line = self.spark.createDataFrame([(json.dumps(self.own),)], "value string")
            line.coalesce(1).write.mode("overwrite").text(self.path)
        except Exception as error:  # the first checkpoint says what is wrong
            _log.debug("the owner of %s cannot be noted", self.folder, exc_info=error)

    def check(self) -> None:
        """ParamError where another driver has taken the folder since."""
        owner = self._current()
        if owner is not None and owner.get("fit") != self.own["fit"]:
            raise self._refused(owner, "has begun to write")

    def is_ours(self) -> bool:
        """Whether no other driver has taken it."""
        owner = self._current()
        return owner is None or owner.get("fit") == self.own["fit"]

    def release(self) -> None:
        """Give the folder up."""
        if self.is_ours():
            try_remove(self.spark, self.path)

    def _current(self) -> dict[str, Any] | None:
        try:
            lines = lines_under(self.spark, self.path, MAX_LINE_BYTES) if exists(self.spark, self.path) else []
            owner = json.loads(lines[0]) if lines else None
        except Exception as error:  # being written, or damaged: no claim
            _log.debug("the owner of %s cannot be read", self.folder, exc_info=error)
            return None
        return owner if isinstance(owner, dict) else None

    def _refused(self, owner: dict[str, Any], does: str) -> ParamError:
        return ParamError(
            f"checkpointDir: another driver (process {owner.get('pid')} on {owner.get('host')}) {does} its checkpoints to "
            f"{self.folder!r}; give each fit a folder of its own, or set checkpointInterval to -1"
        )


def is_alive(owner: dict[str, Any]) -> bool:
    """Whether the owner is another process of this host that still runs."""
    is_here = owner.get("host") == platform.node() and owner.get("pid") != os.getpid()
    return is_here and isinstance(owner.get("pid"), int) and start_time(owner["pid"]) == owner.get("began", "")


def start_time(pid: int) -> str | None:
    """When a process started, in the system's ticks; None where it has ended, or the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
