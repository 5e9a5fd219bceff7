"""A fit's checkpoints: the state after a job, as Parquet on any filesystem that Spark knows.

checkpointDir/deepnet-checkpoints/12/data      the state's chunks, each with its SHA-256
checkpointDir/deepnet-checkpoints/12/metadata  a line of JSON with its own, written last: a folder without it is no
                                               checkpoint yet

Executors check the chunks before a fit resumes. Where the newest checkpoint is damaged, the one before it is taken.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet.data.schema import OWNER, PART, STATE
from spark_deepnet.errors import CheckpointError, DeepNetError, ParamError, SaveError
from spark_deepnet.plan.checkpoint import FORMAT, sealed, unsealed
from spark_deepnet.plan.identity import difference, identity
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.fit.owner import Owner
from spark_deepnet.spark.session.causes import deepest_cause
from spark_deepnet.spark.session.paths import check_path, files_under, folder_identity, lines_under, literal
from spark_deepnet.spark.session.removal import remove_unfinished, try_remove
from spark_deepnet.spark.session.spark_errors import ended_session
from spark_deepnet.spark.weights.on_storage import write_chunks

FOLDER = "deepnet-checkpoints"
CHUNKS = f"{STATE} binary, {OWNER} int, {PART} int"
"""A state's chunks as rows."""
SHA = "sha256"
LONGEST = 16 << 20
"""Bytes of a line of metadata."""
_log = logging.getLogger(__name__)
_taken: set[str] = set()
_taking = threading.Lock()


def check_folder(spark: SparkSession, folder: str) -> None:
    """Refuse a folder that Spark cannot reach, or that it would write to and then not find again."""
    check_path(folder, "checkpointDir", ParamError)
    try:
        folder_identity(spark, folder)
    except Exception as error:
        raise ParamError(f"checkpointDir: {folder!r} cannot be reached: {deepest_cause(error)}") from None


class Checkpoints:
    """The checkpoints of one fit, which has their folder to itself for as long as it runs."""

    def __init__(self, spark: SparkSession, folder: str, plan: TrainPlan, rounds: bool, keep: int) -> None:
        self.spark, self.folder, self.keep = spark, folder, keep
        self.path = f"{folder.rstrip('/')}/{FOLDER}"
        self.place = folder_identity(spark, self.path)
        self.owner = Owner(spark, folder)
        self.fit = identity(plan, rounds)
        self.numbers: list[int] = []
        """Of those in the folder, the first to be removed first."""

    def __enter__(self) -> Self:
        with _taking:
            if self.place in _taken:
                raise ParamError(
                    f"checkpointDir: another fit of this process writes its checkpoints to {self.folder!r} now; give "
                    f"each fit a folder of its own, or set checkpointInterval to -1"
                )
            _taken.add(self.place)
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
            _taken.discard(self.place)

    def resumed(self, plan: TrainPlan) -> tuple[TrainPlan, DataFrame | None]:
        """The plan of the first job, and the state of the last whole checkpoint; None where there is none. CheckpointError
        where all are damaged."""
        there = self._there()
        self.numbers = sorted(there)
        faults: list[str] = []
        for number in sorted(there, reverse=True):
            try:
                told = self._told(number) if there[number] else None
                state = None if told is None else self._state(told)
            except CheckpointError as fault:
                faults.append(f"{number}: {fault}")
                told = state = None
            if told is not None and state is not None:
                return self._from(plan, told), state
            why = faults[-1] if there[number] else f"{number}: it was not written to its end"
            _log.warning("fit: the checkpoint %s/%s; it is left out", self.path, why)
            self.numbers.remove(number)
            self.numbers.insert(0, number)
        if faults:
            raise CheckpointError(
                f"checkpointDir: no checkpoint in {self.path!r} is whole ({faults[0]}); remove that folder to start anew"
            )
        return plan, None

    def _from(self, plan: TrainPlan, told: dict[str, Any]) -> TrainPlan:
        _log.warning("fit: goes on from a checkpoint in %s, of epoch %d", self.path, told["epoch"] + 1)
        plan = replace(plan, state_chunks=told["chunks"], fingerprint=told["rows"], resumed=self.folder)
        return replace(plan, row_memory=told["rowMemory"])  # it decides the order of rows

    def _there(self) -> dict[int, bool]:
        """The numbers of the checkpoints, and whether each has metadata."""
        found: dict[int, bool] = {}
        try:
            files = files_under(self.spark, self.path)
        except Exception as error:
            raise CheckpointError(f"checkpointDir: {self.path!r} cannot be read: {deepest_cause(error)}") from None
        for file in files:
            number, _, within = file.rpartition(f"/{FOLDER}/")[2].partition("/")
            if number.isdecimal() and len(number) < 10:
                found[int(number)] = found.get(int(number), False) or within.startswith("metadata/")
        return found

    def _told(self, number: int) -> dict[str, Any]:
        """A checkpoint's metadata; CheckpointError where it is damaged, ParamError where it is another fit's."""
        start = f"checkpointDir: {self.folder!r} holds a checkpoint of "
        try:
            lines = [line for line in lines_under(self.spark, f"{self.path}/{number}/metadata", LONGEST) if line]
        except Exception as error:  # Spark's own, of many kinds
            raise CheckpointError(f"its metadata cannot be read ({deepest_cause(error)})") from None
        try:
            told = unsealed(lines[0] if len(lines) == 1 else "", number)
        except ParamError as error:
            raise ParamError(f"{start}{error}; give an empty folder") from None
        unlike = difference(told["fit"], self.fit)
        if unlike is not None:
            raise ParamError(
                f"{start}another fit: {unlike.name} is {unlike.there} there, found {unlike.here}; go on with the same "
                f"Params, or give an empty folder to start anew"
            )
        return told

    def _state(self, told: dict[str, Any]) -> DataFrame:
        """The checkpoint's chunks, whose checksums executors have found right; CheckpointError where they are not."""
        path = f"{self.path}/{told['number']}/data"
        try:
            state = self.spark.read.schema(f"{CHUNKS}, {SHA} string").parquet(literal(path))
            sound = (_sha(told["number"]) == F.col(SHA)).alias("sound")
            check_chunks(state.select(OWNER, PART, sound).collect(), told["chunks"])
            return state.drop(SHA)
        except DeepNetError:
            raise
        except Exception as error:  # Spark's own, of many kinds: a file that is missing, cut off, or not Parquet
            raise CheckpointError(f"its state cannot be read ({deepest_cause(error)})") from None

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
            write_chunks(state.withColumn(SHA, _sha(number)), f"{path}/data", "overwrite")
            line = self.spark.createDataFrame([(sealed(told),)], "value string")
            line.coalesce(1).write.mode("overwrite").text(f"{path}/metadata")
        except Exception as error:
            with suppress(Exception):
                remove_unfinished(self.spark, path)
            raise ended_session(error, self.spark) or self._unwritten(epoch, error) from None
        self.numbers.append(number)
        for old in self.numbers[: -self.keep]:
            try_remove(self.spark, f"{self.path}/{old}")
        self.numbers = self.numbers[-self.keep :]

    def _unwritten(self, epoch: int, error: Exception) -> SaveError:
        _log.debug("a checkpoint could not be written", exc_info=error)
        return SaveError(
            f"checkpointDir: the state of epoch {epoch + 1} could not be written to {self.folder!r} "
            f"({deepest_cause(error)}); once this is mended, fit goes on from the checkpoint before"
        )


def _sha(number: int) -> Column:
    """Of a chunk, with its place in the state and the number of its checkpoint."""
    place = F.format_string(f"{number}/%d/%d/", F.col(OWNER), F.col(PART))
    return F.sha2(F.concat(F.encode(place, "UTF-8"), F.col(STATE)), 256)


def check_chunks(rows: list[Any], count: int) -> None:
    """Refuse chunks that are not so many, each once and sound."""
    found = Counter((row[OWNER], row[PART]) for row in rows)
    if len(rows) != count or len(found) != count:
        raise CheckpointError(f"of its {count} chunks {len(found)} are there, in {len(rows)} rows")
    wrong = sum(row["sound"] is not True for row in rows)
    if wrong:
        raise CheckpointError(f"{wrong} of its {count} chunks do not agree with their checksums")
