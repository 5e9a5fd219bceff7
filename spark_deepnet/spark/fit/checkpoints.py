"""A fit's checkpoints: the state after a job, as Parquet on any filesystem that Spark knows.

checkpointDir/deepnet-checkpoints/12/data      the state's chunks, each with its SHA-256
checkpointDir/deepnet-checkpoints/12/metadata  a line of JSON with a checksum of its own, written last: a folder without
                                               it is no checkpoint yet

Executors check the chunks before a fit resumes. Where the newest checkpoint is damaged, the fit resumes from the one before.
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
from spark_deepnet.train.messages import EVERY

FOLDER = "deepnet-checkpoints"
ON_DISK = "state binary, owner int, part int, sha256 string"
"""A chunk of state on disk. Its owner is a rank, or -1 - block where all ranks of a block hold it alike."""
MAX_LINE_BYTES = 16 << 20
"""Of metadata."""
_log = logging.getLogger(__name__)
_folders_in_use: set[str] = set()
_lock = threading.Lock()


def check_folder(spark: SparkSession, folder: str) -> None:
    """Refuse a folder that Spark cannot reach, or could write to but not read again."""
    check_path(folder, "checkpointDir", ParamError)
    try:
        folder_identity(spark, folder)
    except Exception as error:
        raise ParamError(f"checkpointDir: {folder!r} cannot be reached: {deepest_cause(error)}") from None


class Checkpoints:
    """The checkpoints of one fit, which has their folder to itself while it runs."""

    def __init__(self, spark: SparkSession, folder: str, plan: TrainPlan, rounds: bool, keep: int) -> None:
        self.spark, self.folder, self.keep = spark, folder, keep
        self.path = f"{folder.rstrip('/')}/{FOLDER}"
        self.folder_id = folder_identity(spark, self.path)
        self.owner = Owner(spark, folder)
        self.fit = identity(plan, rounds)
        self.numbers: list[int] = []
        """The checkpoints in the folder, the next to be removed first."""

    def __enter__(self) -> Self:
        with _lock:
            if self.folder_id in _folders_in_use:
                raise ParamError(
                    f"checkpointDir: another fit of this process is writing its checkpoints to {self.folder!r}; give "
                    f"each fit a folder of its own, or set checkpointInterval to -1"
                )
            _folders_in_use.add(self.folder_id)
        try:
            self.owner.claim()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """A finished fit removes them."""
        try:
            if kind is None and self.owner.is_ours():
                try_remove(self.spark, self.path)
            self.owner.release()
        finally:
            self._leave()

    def _leave(self) -> None:
        with _lock:
            _folders_in_use.discard(self.folder_id)

    def resumed(self, plan: TrainPlan) -> tuple[TrainPlan, DataFrame | None]:
        """The plan of the first job, and the state of the last intact checkpoint; None where there is none. CheckpointError
        where all are damaged."""
        complete = self._complete_by_number()
        self.numbers = sorted(complete)
        faults: list[str] = []
        for number in sorted(complete, reverse=True):
            try:
                metadata = self._metadata(number) if complete[number] else None
                state = None if metadata is None else self._state(metadata, plan.blocks)
            except CheckpointError as fault:
                faults.append(f"{number}: {fault}")
                metadata = state = None
            if metadata is not None and state is not None:
                return self._resume(plan, metadata), state
            why = faults[-1] if complete[number] else f"{number}: its writing was broken off"
            _log.warning("fit: skips the checkpoint %s/%s", self.path, why)
            self.numbers.remove(number)
            self.numbers.insert(0, number)
        if faults:
            raise CheckpointError(
                f"checkpointDir: no checkpoint in {self.path!r} is intact ({faults[0]}); remove that folder to start over"
            )
        return plan, None

    def _resume(self, plan: TrainPlan, metadata: dict[str, Any]) -> TrainPlan:
        _log.warning("fit: resumes from a checkpoint in %s, of epoch %d", self.path, metadata["epoch"] + 1)
        plan = replace(plan, state_chunks=metadata["chunks"], fingerprint=metadata["rows"], resumed=self.folder)
        return replace(plan, row_memory=metadata["rowMemory"])  # it decides the order of rows

    def _complete_by_number(self) -> dict[int, bool]:
        """Whether each checkpoint has metadata, by its number."""
        complete: dict[int, bool] = {}
        try:
            files = files_under(self.spark, self.path)
        except Exception as error:
            raise CheckpointError(f"checkpointDir: {self.path!r} cannot be read: {deepest_cause(error)}") from None
        for file in files:
            number, _, within = file.rpartition(f"/{FOLDER}/")[2].partition("/")
            if number.isdecimal() and len(number) < 10:
                complete[int(number)] = complete.get(int(number), False) or within.startswith("metadata/")
        return complete

    def _metadata(self, number: int) -> dict[str, Any]:
        """A checkpoint's metadata; CheckpointError where it is damaged, ParamError where it is another fit's."""
        start = f"checkpointDir: {self.folder!r} holds a checkpoint of "
        try:
            lines = [line for line in lines_under(self.spark, f"{self.path}/{number}/metadata", MAX_LINE_BYTES) if line]
        except Exception as error:  # Spark's own, of many kinds
            raise CheckpointError(f"its metadata cannot be read ({deepest_cause(error)})") from None
        try:
            metadata = unsealed(lines[0] if len(lines) == 1 else "", number)
        except ParamError as error:
            raise ParamError(f"{start}{error}; give an empty folder") from None
        change = difference(metadata["fit"], self.fit)
        if change is not None:
            raise ParamError(
                f"{start}another fit: {change.name} is {change.there} there, found {change.here}; use the same Params, or "
                f"give an empty folder to start over"
            )
        return metadata

    def _state(self, metadata: dict[str, Any], blocks: int) -> DataFrame:
        """The checkpoint's chunks once executors have verified their checksums; CheckpointError where one is wrong."""
        path = f"{self.path}/{metadata['number']}/data"
        try:
            written = self.spark.read.schema(ON_DISK).parquet(literal(path))
            sound = (_sha(metadata["number"]) == F.col("sha256")).alias("sound")
            check_chunks(written.select("owner", "part", sound).collect(), metadata["chunks"])
            return from_disk(written, blocks)
        except DeepNetError:
            raise
        except Exception as error:  # Spark's own, of many kinds: a file that is missing, cut off, or not Parquet
            raise CheckpointError(f"its state cannot be read ({deepest_cause(error)})") from None

    def save(self, state: DataFrame, plan: TrainPlan, epoch: int) -> None:
        """Write the state as the newest checkpoint, and remove those beyond the last ``keep``."""
        self.owner.check()
        number = max(self.numbers, default=0) + 1
        path = f"{self.path}/{number}"
        metadata = {
            "format": FORMAT, "number": number, "epoch": epoch, "chunks": plan.state_chunks, "rows": plan.fingerprint,
            "rowMemory": plan.row_memory, "fit": self.fit,
        }  # fmt: skip
        try:
            write_chunks(to_disk(state).withColumn("sha256", _sha(number)), f"{path}/data", "overwrite")
            line = self.spark.createDataFrame([(sealed(metadata),)], "value string")
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
            f"({deepest_cause(error)}); once this is fixed, fit resumes from the checkpoint before"
        )


def to_disk(state: DataFrame) -> DataFrame:
    """Chunks of state in the columns of a checkpoint."""
    block, rank = F.col("block"), F.col("rank")
    owner = F.when(rank == EVERY, -1 - block).otherwise(rank)
    return state.select(F.col("data").alias("state"), owner.alias("owner"), "part")


def from_disk(written: DataFrame, blocks: int) -> DataFrame:
    """The chunks of a checkpoint of ``blocks`` blocks in the columns of messages."""
    owner = F.col("owner")
    block = F.when(owner < 0, -1 - owner).otherwise(owner % blocks).cast("int")
    rank = F.greatest(owner, F.lit(EVERY))
    return written.select(block.alias("block"), rank.alias("rank"), "part", F.col("state").alias("data"))


def _sha(number: int) -> Column:
    """The hash of a chunk, its place in the state and the number of its checkpoint."""
    place = F.format_string(f"{number}/%d/%d/", F.col("owner"), F.col("part"))
    return F.sha2(F.concat(F.encode(place, "UTF-8"), F.col("state")), 256)


def check_chunks(rows: list[Any], count: int) -> None:
    """Refuse chunks unless there are ``count``, each once and with the right checksum."""
    chunks = Counter((row["owner"], row["part"]) for row in rows)
    if len(rows) != count or len(chunks) != count:
        raise CheckpointError(f"found {len(chunks)} of its {count} chunks, in {len(rows)} rows")
    wrong = sum(row["sound"] is not True for row in rows)
    if wrong:
        raise CheckpointError(f"{wrong} of its {count} chunks do not match their checksums")
