"""A fit's checkpoints: the state after a job, as Parquet on any filesystem that Spark knows.

checkpointDir/deepnet-checkpoints/12/data      the state's chunks
checkpointDir/deepnet-checkpoints/12/metadata  a line of JSON, written last: a folder without it, or with fewer
                                               chunks than it counts, is no checkpoint
"""

from __future__ import annotations

import json
import logging
import re
import threading
from dataclasses import replace
from typing import Any, Self

from pyspark.sql import DataFrame, SparkSession

from spark_deepnet.errors import ParamError, SaveError
from spark_deepnet.plan.identity import difference, identity
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.rows.columns import OWNER, PART, STATE
from spark_deepnet.spark.failures import ended, first_line
from spark_deepnet.spark.found import found
from spark_deepnet.spark.owner import Owner
from spark_deepnet.spark.persist import try_remove
from spark_deepnet.spark.stored import write_chunks

FORMAT = 1
FOLDER = "deepnet-checkpoints"
CHUNKS = f"{STATE} binary, {OWNER} int, {PART} int"
"""A state's chunks as rows."""
_log = logging.getLogger(__name__)
_taken: set[str] = set()
_taking = threading.Lock()


class Checkpoints:
    """The checkpoints of one fit, which has their folder to itself for as long as it runs."""

    def __init__(self, spark: SparkSession, folder: str, plan: TrainPlan, rounds: bool, keep: int) -> None:
        self.spark, self.folder, self.keep = spark, folder, keep
        self.path = f"{folder.rstrip('/')}/{FOLDER}"
        self.owner = Owner(spark, folder)
        self.fit = identity(plan, rounds)
        self.numbers: list[int] = []
        """Of those in the folder, the first to be removed first."""

    def __enter__(self) -> Self:
        with _taking:
            if self.path in _taken:
                raise ParamError(
                    f"checkpointDir: another fit of this process writes its checkpoints to {self.folder!r} now; give "
                    f"each fit a folder of its own, or set checkpointInterval to -1"
                )
            _taken.add(self.path)
        try:
            self.owner.claim()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """A fit that has come to its end needs them no more."""
        try:
            if kind is None and self.owner.is_ours():
                try_remove(self.spark, self.path)
            self.owner.release()
        finally:
            self._leave()

    def _leave(self) -> None:
        with _taking:
            _taken.discard(self.path)

    def resumed(self, plan: TrainPlan) -> tuple[TrainPlan, DataFrame | None]:
        """The plan of the first job, and the state of the last whole checkpoint; None where there is none."""
        kept = sorted(self._metadata(), key=lambda told: told["number"])
        self.numbers = [told["number"] for told in kept]
        for told in reversed(kept):
            self._refuse_another(told)
            state = self._state(told)
            if state is not None:
                _log.warning("fit: goes on from a checkpoint in %s, of epoch %d", self.path, told["epoch"] + 1)
                plan = replace(plan, state_chunks=told["chunks"], fingerprint=told["rows"], resumed=self.folder)
                return replace(plan, row_memory=told["rowMemory"]), state  # it decides the order of rows
            _log.warning("fit: the checkpoint %s/%d is not whole and is left out", self.path, told["number"])
            self.numbers.remove(told["number"])
            self.numbers.insert(0, told["number"])
        return plan, None

    def _metadata(self) -> list[dict[str, Any]]:
        text = found(self.spark.read.text, f"{self.path}/*/metadata")
        lines = set() if text is None else {row[0] for row in text.collect()}
        return [told for told in map(_told, lines) if told is not None]

    def _refuse_another(self, told: dict[str, Any]) -> None:
        start = f"checkpointDir: {self.folder!r} holds a checkpoint of "
        if told["format"] != FORMAT:
            raise ParamError(
                f"{start}format {told['format']}, but this installation reads {FORMAT}; give an empty folder"
            )
        unlike = difference(told["fit"], self.fit)
        if unlike is not None:
            raise ParamError(
                f"{start}another fit: {unlike.name} is {unlike.there} there, found {unlike.here}; go on with the same "
                f"Params, or give an empty folder to start anew"
            )

    def _state(self, told: dict[str, Any]) -> DataFrame | None:
        """The checkpoint's chunks, where all are there and can be read."""
        try:
            state = self.spark.read.schema(CHUNKS).parquet(f"{self.path}/{told['number']}/data")
            return state if state.count() == told["chunks"] else None
        except Exception as error:  # Spark's own, of many kinds: a file that is missing, cut off, or not Parquet
            _log.warning("fit: %s", first_line(error))
            return None

    def save(self, state: DataFrame, plan: TrainPlan, epoch: int) -> None:
        """Write the state as the newest checkpoint, and remove those beyond the last ``keep``."""
        self.owner.check()
        number = max(self.numbers, default=0) + 1
        path = f"{self.path}/{number}"
        told = {
            "format": FORMAT, "number": number, "epoch": epoch, "chunks": plan.state_chunks, "rows": plan.fingerprint,
            "rowMemory": plan.row_memory, "fit": self.fit,
        }  # fmt: skip
        try:
            write_chunks(state, f"{path}/data", "overwrite")
            line = self.spark.createDataFrame([(json.dumps(told),)], "value string")
            line.coalesce(1).write.mode("overwrite").text(f"{path}/metadata")
        except Exception as error:
            try_remove(self.spark, path)
            raise ended(error, self.spark) or self._unwritten(epoch, error) from None
        self.numbers.append(number)
        for old in self.numbers[: -self.keep]:
            try_remove(self.spark, f"{self.path}/{old}")
        self.numbers = self.numbers[-self.keep :]

    def _unwritten(self, epoch: int, error: Exception) -> SaveError:
        _log.debug("a checkpoint could not be written", exc_info=error)
        causes = re.findall(r"(No space left on device|Permission denied|Read-only file system)", str(error))
        cause = causes[0] if causes else first_line(error)
        return SaveError(
            f"checkpointDir: the state of epoch {epoch + 1} could not be written to {self.folder!r} ({cause}); once "
            f"this is mended, fit goes on from the checkpoint before"
        )


def _told(line: str) -> dict[str, Any] | None:
    """A line of metadata; None where it is not whole."""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return told
