"""A fit whose executors are lost for good ends with a sentence: Spark waits for their slots for ever, in silence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from spark_deepnet.errors import ClusterError
from spark_deepnet.spark.session.cluster import Cluster
from spark_deepnet.spark.session.dialect import dialect_of
from spark_deepnet.spark.session.workers import REGISTRATION_SECONDS, slots_now

POLL_SECONDS = 2.0
_log = logging.getLogger(__name__)


class SlotWatch:
    """Counts the slots while its block runs; where they have been fewer than ``wanted`` for ``seconds``, calls ``cancel``
    once and keeps their number in ``left``."""

    def __init__(
        self,
        slots: Callable[[], int],
        wanted: int,
        seconds: float,
        cancel: Callable[[], None],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._slots, self._wanted, self._cancel = slots, wanted, cancel
        self._seconds, self._poll_seconds = seconds, poll_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slot watch", daemon=True)
        self.left: int | None = None

    def __enter__(self) -> SlotWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # the session has ended
            _log.debug("slots are no longer counted", exc_info=error)

    def _watch(self) -> None:
        enough_at = time.monotonic()
        while not self._ended.wait(self._poll_seconds):
            slots, now = self._slots(), time.monotonic()
            if slots >= self._wanted:
                enough_at = now
            elif now - enough_at >= self._seconds:
                self.left = slots
                self._cancel()
                return


@contextmanager
def fail_without_slots(spark: SparkSession, cluster: Cluster, wanted: int, seconds: float, tag: str) -> Iterator[None]:
    """Cancel the block's jobs, which have this tag, and raise a ClusterError where the cluster has too few slots for longer
    than ``seconds``, and than an executor takes to register."""
    if cluster.one_jvm or cluster.slots is None:
        yield
        return
    seconds = max(seconds, REGISTRATION_SECONDS)
    cancel = dialect_of(spark).cancel_tag
    with SlotWatch(lambda: slots_now(spark, cluster) or 0, wanted, seconds, lambda: cancel(tag)) as watch:
        try:
            yield
        except Exception:
            if watch.left is None:
                raise
            raise ClusterError(
                f"fit: {wanted} workers must run at once, but for {seconds:g} s the cluster has had {watch.left} slots: "
                f"executors were lost, and no others came; add some, or ask for fewer workers, and call fit again, which "
                f"resumes from its last checkpoint where checkpointDir is set"
            ) from None
