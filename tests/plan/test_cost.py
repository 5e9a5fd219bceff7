"""Seconds and speedups predicted: against the formulas written out, and their limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.exchange.algorithms.doubling import Doubling
from spark_deepnet.exchange.algorithms.ring import Ring
from spark_deepnet.forecast.cost import Compute, Costs, Link

COMPUTE = Compute((1, 4, 16, 64), (2.0, 5.0, 9.0, 33.0))
BYTES = 4_000
COSTS = Costs(64, COMPUTE, Link(0.25, 1000.0), synchronous=(BYTES, 8), local=(40, BYTES, BYTES))
each_number = pytest.mark.parametrize("workers", [1, 2, 3, 4, 8, 64, 100, 1024])
each_tau = pytest.mark.parametrize("tau", [1, 10, 100])


def summed(workers: int, nbytes: int) -> tuple[float, float]:
    """Steps and bytes by doubling, which these short vectors take: on 2, 4, ... workers; on others two steps more."""
    return Doubling().cost((1,) * workers, nbytes)


@pytest.mark.parametrize(("rows", "seconds"), [(1, 2.0), (2, 3.0), (4, 5.0), (10, 7.0), (64, 33.0), (128, 65.0)])
def test_seconds_lie_on_lines_between_the_measured_and_beyond(rows: int, seconds: float) -> None:
    assert COMPUTE.at(rows) == pytest.approx(seconds)


def test_one_measurement_stands_for_all() -> None:
    assert Compute((1,), (2.0,)).at(1) == 2.0


def test_no_step_has_more_rows_than_there_are() -> None:
    few = replace(COSTS, rows=100)
    assert [few.share(workers, 10) for workers in (1, 2, 100, 1024)] == [64, 50, 1, 1]
    assert [few.share(workers, 1) for workers in (1, 2, 100)] == [64, 32, 1]
    assert few.rows_per_second(1, 10) == COSTS.rows_per_second(1, 10)
    assert few.rows_per_second(1024, 10) == pytest.approx(10 * 100 / few.round_seconds(1024, 10))
    free = replace(few, link=Link(0.0, 1e30), compute=Compute((1, 64), (0.5, 32.0)))
    assert free.speedup(1024, 100) == pytest.approx(100), "one row each, each by itself"


def test_steps_together_share_the_batch_and_steps_alone_do_not() -> None:
    assert [COSTS.share(workers, 1) for workers in (1, 2, 3, 64, 100)] == [64, 32, 22, 1, 1]
    assert [COSTS.share(workers, 10) for workers in (1, 2, 100)] == [64, 64, 64]


@each_number
def test_a_round_is_steps_and_an_exchange(workers: int) -> None:
    (a, m), (b, n) = summed(workers, BYTES), summed(workers, 8)
    synchronous = 0.25 * (a + b) + (m + n) / 1000
    assert COSTS.exchange_seconds(workers, 1) == pytest.approx(synchronous)
    assert COSTS.round_seconds(workers, 1) == pytest.approx(COMPUTE.at(-(-64 // workers)) + synchronous)
    c, k = summed(workers, 40)
    local = 0.25 * (2 * a + c) + (2 * m + k) / 1000
    assert COSTS.exchanged(workers, 10) == (2 * a + c, 2 * m + k)
    assert COSTS.round_seconds(workers, 10) == pytest.approx(10 * 33.0 + local)
    assert COSTS.speedup(workers, 10) == pytest.approx(workers * 10 * 33.0 / (10 * 33.0 + local))
    assert COSTS.naive(workers) == pytest.approx(33.0 / (33.0 / workers + synchronous))


def test_long_vectors_go_around_the_ring() -> None:
    long = replace(COSTS, synchronous=(10**9,))
    assert long.exchanged(8, 1) == Ring().cost((1,) * 8, 10**9)


@each_tau
def test_one_worker_is_as_fast_as_itself_and_sends_nothing(tau: int) -> None:
    assert COSTS.speedup(1, tau) == pytest.approx(1.0)
    assert COSTS.naive(1) == pytest.approx(1.0)
    assert COSTS.exchanged(1, tau) == (0, 0)


@each_tau
@pytest.mark.parametrize("workers", [2, 8, 64])
def test_with_a_free_exchange_and_no_fixed_part_speed_grows_with_the_workers(workers: int, tau: int) -> None:
    free = Costs(64, Compute((1, 64), (0.5, 32.0)), Link(0.0, 1e30), COSTS.synchronous, COSTS.local)
    assert free.speedup(workers, tau) == pytest.approx(workers)
    assert free.naive(workers) == pytest.approx(workers)


@pytest.mark.parametrize("workers", [2, 8, 1024])
def test_the_more_steps_between_exchanges_the_nearer_to_the_workers(workers: int) -> None:
    found = [COSTS.speedup(workers, tau) for tau in (2, 10, 100, 10**9)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(workers, rel=1e-6)
    assert found[0] < workers


@pytest.mark.parametrize(("latency", "bandwidth"), [(-1.0, 1e9), (float("nan"), 1e9), (1e-5, 0.0), (1e-5, "fast")])
def test_a_link_that_cannot_be_is_refused(latency: float, bandwidth: float) -> None:
    with pytest.raises(ParamError, match=r"^Link: (latency|bandwidth) must be .*, found"):
        Link(latency, bandwidth)
