"""TensorBoard's event files, by the package tensorboard, which needs no TensorFlow."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from spark_deepnet.errors import MissingPackageError, ParamError
from spark_deepnet.measures import VALIDATION, paired
from spark_deepnet.tracking.epochs import Epoch, PerJob

TRAINING = "train"
_FILE = re.compile(r"file:(//)?(?=/)")
_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
_numbering = threading.Lock()


class TensorBoard(PerJob):
    """A callback that writes each epoch's measures: ``setCallbacks([TensorBoard("/runs")])``, then ``tensorboard --logdir
    /runs``.

    folder: on the driver's filesystem, or one that TensorBoard itself reads (s3://, and those of fsspec); it is made where
    there is none. Each fit writes to a folder of its own, ``fit_1``, ``fit_2``, ... , in which ``train`` and ``validation``
    have the same names of measures, so that TensorBoard draws them into one chart. The step is the epoch, counted from 1;
    files are complete after every Spark job.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = _checked(folder)

    def on_train_begin(self, logs: Mapping[str, Any]) -> None:
        super().on_train_begin(logs)
        self._close()
        self._fits.run, self._fits.writers = _new_run(self.folder), {}

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        self._close()

    def write(self, epochs: Sequence[Epoch]) -> None:
        for epoch in epochs:
            pairs = paired(epoch.measures)
            self._add(TRAINING, epoch, {name: epoch.measures[name] for name in pairs})
            self._add(VALIDATION, epoch, {name: epoch.measures[other] for name, other in pairs.items() if other})
        for writer in self._fits.writers.values():
            writer.flush()

    def _add(self, rows: str, epoch: Epoch, measures: Mapping[str, float]) -> None:
        if not measures:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if rows not in self._fits.writers:
            self._fits.writers[rows] = EventFileWriter(f"{self._fits.run}/{rows}")
        values = [Summary.Value(tag=name, simple_value=value) for name, value in measures.items()]
        event = Event(wall_time=epoch.ended, step=epoch.number, summary=Summary(value=values))
        self._fits.writers[rows].add_event(event)

    def _close(self) -> None:
        """Of this thread's last fit, which may have failed."""
        for writer in getattr(self._fits, "writers", {}).values():
            writer.close()
        self._fits.writers = {}


def _files() -> Any:
    """TensorBoard's access to filesystems."""
    try:
        from tensorboard.compat import tf

        return tf.io.gfile
    except ImportError as error:
        raise MissingPackageError(
            f"TensorBoard: event files are written with the package tensorboard, which does not import ({error}): "
            f'pip install "spark_deepnet[tensorboard]"'
        ) from None


def _checked(folder: str | os.PathLike[str]) -> str:
    """The folder, where TensorBoard's package can write."""
    path = os.fspath(folder) if isinstance(folder, str | os.PathLike) else ""
    if not path:
        raise ParamError(f"TensorBoard: expected the path of a folder, found {folder!r}")
    path = _FILE.sub("", path, count=1)
    if scheme := _ONE_SLASH.match(path):
        local = f"; give {'/dbfs' + path[len('dbfs:') :]!r}" if scheme[1] == "dbfs" else ""
        raise ParamError(
            f"TensorBoard: {path!r} is an address that Spark alone reads, but events are written by the driver itself{local}"
        )
    try:
        _files().exists(path)
    except (ValueError, OSError, ImportError) as error:
        if isinstance(error, MissingPackageError):
            raise
        raise ParamError(
            f"TensorBoard: {path!r} is on no filesystem that the package tensorboard knows ({error}); give a folder of the "
            f"driver's"
        ) from None
    return path.rstrip("/") or path


def _new_run(folder: str) -> str:
    """A folder for a fit, which no other has."""
    files, number = _files(), 1
    with _numbering:
        while files.exists(f"{folder}/fit_{number}"):
            number += 1
        files.makedirs(f"{folder}/fit_{number}")
    return f"{folder}/fit_{number}"
