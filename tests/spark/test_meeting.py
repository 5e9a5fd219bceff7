"""Where the ranks of a fit meet: at the driver, or by Spark's barrier where they do not reach it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark import cloudpickle

from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.fit import barrier_fit, driver_listener
from spark_deepnet.spark.fit.barrier_fit import rank_task
from spark_deepnet.spark.fit.driver_listener import DriverListener
from tests.exchange.ranks import HERE, ports
from tests.spark.data import blobs, estimator, frame, same
from tests.train.fits import plan_of

TWO = replace(plan_of(), workers=2, job="job")


@pytest.fixture
def rows(spark: Any) -> Any:
    return frame(spark, *blobs()).repartition(2).cache()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of any driver's address."""
    monkeypatch.setattr(driver_listener, "_unreached", {})


@pytest.fixture(autouse=True)
def tasks_travel_by_value() -> Iterator[None]:
    """Workers do not have this module."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each job, whether its ranks met at the driver."""
    found: list[bool] = []
    note_end = DriverListener.note_end

    def noted(self: DriverListener, plan: TrainPlan) -> None:
        found.append(self._meetings.met(plan.job))
        note_end(self, plan)

    monkeypatch.setattr(DriverListener, "note_end", noted)
    monkeypatch.setattr(driver_listener, "MEETING_SECONDS", 60.0)  # on a busy machine ranks come one by one
    return found


@pytest.mark.sessions("classic", "cluster", "connect")
def test_ranks_meet_at_the_driver(rows: Any, met: list[bool]) -> None:
    estimator(numTrainWorkers=2).fit(rows)
    assert met == [True]


@pytest.mark.sessions("classic", "cluster", "connect")
def test_where_they_do_not_reach_it_they_meet_by_the_barrier(
    rows: Any, met: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = estimator(numTrainWorkers=2)
    expected, listening = net.fit(rows), DriverListener.plan
    with socket.create_server((HERE, 0)) as deaf:
        nowhere = (HERE, deaf.getsockname()[1])
        monkeypatch.setattr(
            DriverListener,
            "plan",
            lambda self, plan: replace(plan, meeting=nowhere) if self._offers_meeting(plan) else plan,
        )
        assert same(net.fit(rows), expected)
        monkeypatch.setattr(DriverListener, "plan", listening)
        assert same(net.fit(rows), expected)
    assert met == [True, False, False], "it is not tried again so soon"


def lonely_task(plan: TrainPlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Rank 1 does not reach the driver."""
    from pyspark import BarrierTaskContext

    lost = BarrierTaskContext.get().partitionId() == 1
    yield from rank_task(replace(plan, meeting=(HERE, 1)) if lost else plan, frames)


@pytest.mark.sessions("classic")
def test_where_one_does_not_reach_it_all_meet_by_the_barrier(
    rows: Any, met: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = estimator(numTrainWorkers=3)
    expected = net.fit(rows)
    monkeypatch.setattr(driver_listener, "MEETING_SECONDS", 0.5)
    monkeypatch.setattr(barrier_fit, "rank_task", lonely_task)
    assert same(net.fit(rows), expected)
    assert met == [True, False]


def failing_task(folder: str, plan: TrainPlan, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Rank 1 dies in the first attempt, before it meets the others."""
    from pyspark import BarrierTaskContext

    if BarrierTaskContext.get().partitionId() == 1:
        try:
            os.close(os.open(f"{folder}/died", os.O_CREAT | os.O_EXCL))
            os._exit(1)
        except FileExistsError:
            pass
    yield from rank_task(plan, frames)


@pytest.mark.sessions("classic", "cluster")
def test_the_next_attempt_meets_by_itself(
    rows: Any, met: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = estimator(numTrainWorkers=2)
    expected = net.fit(rows)
    monkeypatch.setattr(barrier_fit, "rank_task", partial(failing_task, str(tmp_path)))
    assert same(net.fit(rows), expected)
    assert (tmp_path / "died").exists()
    assert met == [True, True]


@pytest.mark.sessions("classic")
def test_fits_at_once_meet_each_by_itself(rows: Any, met: list[bool]) -> None:
    nets = [estimator(numTrainWorkers=2, seed=seed) for seed in range(4)]
    expected = [net.fit(rows) for net in nets]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(same, pool.map(lambda net: net.fit(rows), nets), expected))
    assert met == [True] * 8


def offered(plan: TrainPlan, progress: Any = None, host: str = HERE) -> TrainPlan:
    with closing(DriverListener(host, plan, progress)) as listener:
        return listener.plan(plan)


def test_the_driver_listens_only_where_somebody_calls() -> None:
    assert offered(TWO).meeting is not None
    assert offered(TWO).listener is None
    alone = replace(TWO, workers=1)
    assert (offered(alone).meeting, offered(alone).listener) == (None, None)
    assert offered(alone, print).meeting is None
    assert offered(alone, print).listener is not None
    both = offered(TWO, print)
    assert both.meeting == both.listener is not None


def test_ports_of_a_range_are_left_to_workers_where_no_progress_is_shown() -> None:
    (port,) = ports(1)
    ranged = replace(TWO, ports=(port, port))
    assert offered(ranged).meeting is None
    assert offered(ranged, print).meeting == (HERE, port)


@pytest.mark.parametrize("host", ["", "203.0.113.7", "no such host", "0.0.0.0"])
def test_a_driver_that_cannot_listen_leaves_it(host: str) -> None:
    plan = offered(TWO, print, host)
    assert (plan.meeting, plan.listener) == (None, None)
