"""Epochs as trackers take them: those of a job at once, each with the time at which it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from spark_deepnet.spark.callback import Callback


class Epoch(NamedTuple):
    """One epoch that has ended."""

    number: int
    """Counted from 1."""
    measures: Mapping[str, float]
    ended: float
    """Seconds since 1970."""


def timed(rows: Iterable[tuple[int, Mapping[str, float]]], now: float) -> list[Epoch]:
    """Epochs (counted from 0) and their measures, the last of which ends now; each took its seconds."""
    epochs = []
    for number, row in reversed(list(rows)):
        epochs.append(Epoch(number + 1, row, now))
        now -= row.get("seconds", 0.0)
    return epochs[::-1]


class PerJob(Callback):
    """A callback that writes the epochs of each job when it has ended. Fits that run in several threads at once, as those of
    a CrossValidator may, each have their own state."""

    def __init__(self) -> None:
        self._fits = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_fits"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._fits = threading.local()

    def on_train_begin(self, logs: Mapping[str, Any]) -> None:
        self._fits.rows = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        self._fits.rows.append((epoch, logs))

    def on_job_end(self, job: int, logs: Mapping[str, Any]) -> None:
        rows, self._fits.rows = self._fits.rows, []
        if rows:
            self.write(timed(rows, time.time()))

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Write these epochs, which follow those before."""
        raise NotImplementedError
