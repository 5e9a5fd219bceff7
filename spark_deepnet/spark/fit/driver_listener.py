"""What the driver listens for while the jobs of a fit run: where their ranks meet, and rank 0's progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.meeting import MEETING_SECONDS, Meetings
from spark_deepnet.exchange.report import Listener
from spark_deepnet.plan.plan import ANY_PORT, TrainPlan

UNREACHABLE_SECONDS = 600.0
"""For which no meeting is offered at an address that workers did not reach."""
_unreached: dict[str, float] = {}
"""Address of the driver -> when workers did not reach it."""
_log = logging.getLogger(__name__)


class DriverListener:
    """Listens where a fit needs it: at ``host``, the driver's address as executors know it; empty: nowhere."""

    def __init__(self, host: str, plan: TrainPlan, on_progress: Callable[[bytes], None] | None) -> None:
        self._host, self._meetings = host.strip("[]"), Meetings(min(MEETING_SECONDS, plan.deadline / 4))
        self._progress = on_progress is not None
        self._listener: Listener | None = None
        if self._host and (self._progress or self._offers_meeting(plan)):
            self._listener = self._opened(plan, on_progress or _ignore)

    def plan(self, plan: TrainPlan) -> TrainPlan:
        """The next job's plan, with where the driver listens."""
        if self._listener is None:
            return plan
        place = (self._listener.host, self._listener.port)
        return replace(
            plan,
            listener=place if self._progress else None,
            meeting=place if self._offers_meeting(plan) else None,
        )

    def note_end(self, plan: TrainPlan) -> None:
        """Offer no meeting for some time where a job has ended whose ranks did not meet here."""
        if plan.meeting is not None and not self._meetings.met(plan.job):
            _log.info("fit: workers do not reach the driver at %s; they meet by the barrier", self._host)
            _unreached[self._host] = time.monotonic()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def _offers_meeting(self, plan: TrainPlan) -> bool:
        """Ports of a range are for workers, and for the driver where progress is shown."""
        if plan.workers == 1 or (plan.ports != ANY_PORT and not self._progress):
            return False
        return time.monotonic() - _unreached.get(self._host, -UNREACHABLE_SECONDS) >= UNREACHABLE_SECONDS

    def _opened(self, plan: TrainPlan, on_progress: Callable[[bytes], None]) -> Listener | None:
        """None where no port can be opened: progress is then shown job by job, and ranks meet by the barrier."""
        try:
            return Listener(self._host, plan.secret, on_progress, plan.listening, plan.identity, self._meetings)
        except ExchangeError as error:
            _log.info("fit: the driver does not listen for workers: %s", error)
            return None


def _ignore(message: bytes) -> None:
    """Progress that nobody has asked for."""
