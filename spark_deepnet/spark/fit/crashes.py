"""By which signal a worker's Python ended: Spark knows no more than that it is gone.

Python's fault handler writes a note in one of Spark's local folders where the signal is one of a crash; who was killed
from outside leaves an empty note, and who ends by itself none."""

from __future__ import annotations

import faulthandler
import logging
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from glob import escape, glob
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession, is_remote

from spark_deepnet.spark.session import cluster

LONGEST = 60.0
"""Seconds that notes are looked for."""
_BYTES = 10_000  # of a note
_LOOKS = 4  # tasks that look, for each slot: each executor gets some
_log = logging.getLogger(__name__)


@contextmanager
def noted(job: str, rank: int) -> Iterator[None]:
    """Within, a crash leaves a note."""
    if faulthandler.is_enabled():  # by Spark, which then tells what it writes
        yield
        return
    try:
        file = open(f"{_folders()[0]}/{_name(job)}{rank}-{os.getpid()}", "w")  # noqa: SIM115 - closed below
    except OSError:  # the fit can do without
        yield
        return
    faulthandler.enable(file)
    try:
        yield
    finally:
        faulthandler.disable()
        file.close()
        with suppress(OSError):
            os.unlink(file.name)


def ends(spark: SparkSession, job: str) -> dict[int, str]:
    """The notes of a job by rank, by a small job of Spark's; none where it cannot run soon."""
    found: dict[int, str] = {}
    thread = threading.Thread(target=_look, args=(spark, job, found, group := uuid.uuid4().hex), daemon=True)
    thread.start()
    thread.join(LONGEST)
    if thread.is_alive() and not is_remote():
        with suppress(Exception):
            spark.sparkContext.cancelJobGroup(group)
    return dict(found)


def _look(spark: SparkSession, job: str, found: dict[int, str], group: str) -> None:
    try:
        if not is_remote():
            spark.sparkContext.setJobGroup(group, "spark_deepnet looks for what ended a worker")
        alone = cluster.conf(spark, "spark.master").startswith("local[")
        count = 1 if alone else _LOOKS * (cluster.slots_of(spark) or 1)
        looking = spark.range(0, count, 1, count).mapInPandas(partial(notes_task, job), "rank int, text string")
        found.update((row["rank"], row["text"]) for row in looking.collect())
    except Exception as error:  # the sentence then tells less
        _log.debug("no notes of crashes", exc_info=error)


def notes_task(job: str, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """What a task of that job runs: the notes where it runs, which are then gone."""
    time.sleep(0.1)  # so that all slots take part
    notes: list[Any] = []
    for path in (path for folder in _folders() for path in glob(f"{escape(folder)}/{_name(job)}*")):
        with suppress(OSError), open(path) as file:
            os.unlink(path)
            notes.append((int(path.rpartition(_name(job))[2].partition("-")[0]), file.read(_BYTES)))
    yield pd.DataFrame(notes, columns=["rank", "text"]).astype({"rank": "int32"})


def _name(job: str) -> str:
    return f"spark_deepnet-{job}-"


def _folders() -> list[str]:
    """Spark's own, which go with their executor, or else the system's."""
    folders = [folder for folder in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if os.path.isdir(folder)]
    return folders or [tempfile.gettempdir()]
