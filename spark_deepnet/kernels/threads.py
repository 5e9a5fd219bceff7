"""The threads of a rank: calls that release the GIL run on them at the same time.

How many there are never decides what is computed: who calls ``in_parallel`` cuts its work by shapes alone, and one thread
makes the same calls one after another. So the results are the same, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

Work = Callable[[], object]


class _Helper:
    """One more thread, which sleeps between calls. Two locks hand the work over in some ten microseconds, half of what
    an executor's queue takes."""

    def __init__(self) -> None:
        self._start, self._end = threading.Lock(), threading.Lock()
        self._start.acquire()
        self._end.acquire()
        self._work: Work | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="spark_deepnet compute", daemon=True)
        self._thread.start()

    def start(self, work: Work | None) -> None:
        self._work = work
        self._start.release()

    def join(self) -> BaseException | None:
        """Wait until the work is done. Returns what it raised."""
        self._end.acquire()
        error, self._work, self._error = self._error, None, None
        return error

    def close(self) -> None:
        self.start(None)
        self._thread.join()

    def _run(self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # as in the loop of a fit; losses and scores are checked
            while True:
                self._start.acquire()
                if self._work is None:
                    return
                try:
                    self._work()
                except BaseException as error:
                    self._error = error
                self._end.release()


_own = threading.local()
"""The helpers of the thread that reads this."""


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within this context the calling thread computes on ``count`` threads, itself included."""
    before = _helpers()
    helpers = tuple(_Helper() for _ in range(count - 1))
    _own.helpers = helpers
    try:
        yield
    finally:
        _own.helpers = before
        for helper in helpers:
            helper.close()


def in_parallel(calls: Sequence[Work]) -> None:
    """Make these calls, of which none may depend on another, on the caller's threads. A call within one of them is made
    on that one's thread alone. If some fail, one of their errors is raised after all have ended."""
    own = _helpers()
    helpers = own[: len(calls) - 1]
    if not helpers:
        for call in calls:
            call()
        return
    every = len(helpers) + 1
    _own.helpers = ()
    for k, helper in enumerate(helpers, 1):
        helper.start(_one_by_one(calls[k::every]))
    try:
        _one_by_one(calls[::every])()
    finally:
        errors = [helper.join() for helper in helpers]
        _own.helpers = own
    for error in filter(None, errors):
        raise error


def _one_by_one(calls: Sequence[Work]) -> Work:
    if len(calls) == 1:
        return calls[0]

    def work() -> None:
        for call in calls:
            call()

    return work


def _helpers() -> tuple[_Helper, ...]:
    return getattr(_own, "helpers", ())
