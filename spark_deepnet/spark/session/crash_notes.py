"""By which signal a worker's Python ended: Spark knows no more than that it is gone.

Python's fault handler writes a note in one of Spark's local folders where the signal is one of a crash. A worker that was
killed from outside leaves an empty note, and one that ends by itself none."""

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
from pyspark.sql import SparkSession

from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of

SEARCH_SECONDS = 60.0
"""For which the driver looks for notes."""
_NOTE_CHARS = 10_000  # of a note that are read
_TASKS_PER_SLOT = 4  # that look for notes: each executor gets some
_log = logging.getLogger(__name__)


@contextmanager
def note_crashes(job: str, rank: int) -> Iterator[None]:
    """Within, a crash leaves a note."""
    if faulthandler.is_enabled():  # by Spark, which then reports what it writes
        yield
        return
    try:
        file = open(f"{_folders()[0]}/{_prefix(job)}{rank}-{os.getpid()}", "w")  # noqa: SIM115 - closed below
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


def crash_notes(spark: SparkSession, job: str) -> dict[int, str]:
    """The notes of a job by rank, collected by a small Spark job; none where that cannot run soon."""
    notes: dict[int, str] = {}
    tag = f"spark_deepnet-{uuid.uuid4().hex}"
    thread = threading.Thread(target=_collect, args=(spark, job, notes, tag), daemon=True)
    thread.start()
    thread.join(SEARCH_SECONDS)
    if thread.is_alive():
        with suppress(Exception):
            dialect_of(spark).cancel_tag(tag)
    return dict(notes)


def _collect(spark: SparkSession, job: str, notes: dict[int, str], tag: str) -> None:
    try:
        dialect, cluster = dialect_of(spark), Cluster.of(spark)
        dialect.add_tag(tag)
        dialect.set_property("spark.job.description", "spark_deepnet looks for what ended a worker")
        count = 1 if cluster.one_jvm else _TASKS_PER_SLOT * (cluster.slots or 1)
        results = spark.range(0, count, 1, count).mapInPandas(partial(notes_task, job), "rank int, text string")
        notes.update((row["rank"], row["text"]) for row in results.collect())
    except Exception as error:  # the error is then less precise
        _log.debug("no notes of crashes", exc_info=error)


def notes_task(job: str, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The notes on the machine where this task runs, which are then removed."""
    time.sleep(0.1)  # so that all slots take part
    notes: list[Any] = []
    for path in (path for folder in _folders() for path in glob(f"{escape(folder)}/{_prefix(job)}*")):
        with suppress(OSError), open(path) as file:
            os.unlink(path)
            notes.append((int(path.rpartition(_prefix(job))[2].partition("-")[0]), file.read(_NOTE_CHARS)))
    yield pd.DataFrame(notes, columns=["rank", "text"]).astype({"rank": "int32"})


def _prefix(job: str) -> str:
    return f"spark_deepnet-{job}-"


def _folders() -> list[str]:
    """Spark's own, which go with their executor, or else the system's."""
    folders = [folder for folder in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if os.path.isdir(folder)]
    return folders or [tempfile.gettempdir()]
