"""Slots that are gone for good end a fit, those that come back do not (no Spark)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable

import pytest

from spark_deepnet.spark.session.lost_slots import SlotWatch

POLL_SECONDS = 0.01


def watched(slots: Iterable[int], seconds: float) -> tuple[int | None, int]:
    """What is left of 2 slots, and how often the jobs were cancelled, once all of these were counted."""
    counted, ended, cancelled = iter(slots), threading.Event(), []

    def count() -> int:
        number = next(counted, None)
        if number is None:
            ended.set()
            return 2
        return number

    def cancel() -> None:
        cancelled.append(1)
        ended.set()

    with SlotWatch(count, 2, seconds, cancel, POLL_SECONDS) as watch:
        assert ended.wait(60)
    return watch.left, len(cancelled)


def test_slots_that_stay_lost_cancel_the_jobs_once() -> None:
    assert watched(itertools.chain([2, 2], itertools.repeat(1)), 0.1) == (1, 1)


def test_none_left() -> None:
    assert watched(itertools.repeat(0), 0.0) == (0, 1)


@pytest.mark.parametrize("slots", [[2, 2, 3, 2], [2, 1, 1, 2, 0, 2]])
def test_slots_that_come_back_do_not(slots: list[int]) -> None:
    assert watched(slots, 60.0) == (None, 0)


def test_a_session_that_has_ended_is_not_asked_again() -> None:
    asked = threading.Event()

    def gone() -> int:
        asked.set()
        raise ConnectionError("the gateway has ended")

    with SlotWatch(gone, 2, 0.0, pytest.fail, POLL_SECONDS) as watch:
        assert asked.wait(60)
    assert watch.left is None
