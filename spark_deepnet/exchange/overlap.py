"""Stretches of a vector summed in a thread of their own, while the caller computes the next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np


class Overlap:
    """``ready(stretch)`` queues a stretch to be summed, ``finish()`` waits until all are.

    All ranks must queue the same stretches in the same order. Between the two calls the channel belongs to the
    thread. Sums are those of one call of the all-reduce a stretch: a ring adds in an order that depends on where a
    chunk lies in its stretch, so other stretches may give other last bits; the same ones give the same on all ranks
    and in all runs. An error ends what is still to be done, and is raised by ``finish``. The thread ends with the
    object."""

    def __init__(self, all_reduce: Callable[[np.ndarray], None]) -> None:
        self._all_reduce = all_reduce
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="overlap")
        self._queued: list[Future[None]] = []

    def ready(self, stretch: np.ndarray) -> None:
        """Sum it over all ranks, in place, after those queued before."""
        before = self._queued[-1] if self._queued else None
        self._queued.append(self._pool.submit(self._sum, stretch, before))

    def finish(self) -> None:
        """Return when all stretches are summed, or raise the error that stopped them."""
        queued, self._queued = self._queued, []
        for stretch in queued:
            stretch.result()

    def _sum(self, stretch: np.ndarray, before: Future[None] | None) -> None:
        if before is not None:
            before.result()  # the one thread has done it: either nothing, or the error that ends this one too
        self._all_reduce(stretch)
