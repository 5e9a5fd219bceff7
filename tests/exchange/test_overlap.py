"""Stretches summed in a thread of their own: in order, meanwhile, with errors at the end."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.overlap import Overlap
from tests.exchange.ranks import WORLDS, results, together

CUTS = (0, 30_000, 30_001, 30_001, 200_000)
STRETCHES = [slice(CUTS[i], CUTS[i + 1]) for i in (2, 0, 3, 1)]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_it_is_one_call_a_stretch_in_the_order_given(world: str, size: int) -> None:
    def job(channel: Channel) -> list[bytes]:
        all_reduce, found = AllReduce(channel), []
        overlap = Overlap(all_reduce)
        drawn = np.random.default_rng(channel.rank).standard_normal((2, CUTS[-1]), np.float32)
        for vector in drawn:
            expected = vector.copy()
            for stretch in STRETCHES:
                all_reduce(expected[stretch])
            for stretch in STRETCHES:
                overlap.ready(vector[stretch])
            overlap.finish()
            np.testing.assert_array_equal(vector, expected)
            found.append(vector.tobytes())
        return found

    assert len({tuple(found) for found in results(world, size, job)}) == 1


def test_the_caller_goes_on_meanwhile() -> None:
    goes_on, seen = threading.Event(), []

    def all_reduce(vector: np.ndarray) -> None:
        seen.append((goes_on.wait(60), threading.current_thread() is threading.main_thread()))

    overlap = Overlap(all_reduce)
    overlap.ready(np.zeros(1))
    goes_on.set()
    overlap.finish()
    assert seen == [(True, False)]


def test_an_error_ends_what_follows_and_is_raised_at_the_end() -> None:
    tried: list[int] = []

    def all_reduce(vector: np.ndarray) -> None:
        tried.append(int(vector[0]))
        if vector[0] == 2:
            raise ExchangeError("the second is lost")

    overlap = Overlap(all_reduce)
    for i in (1, 2, 3, 4):
        overlap.ready(np.array([i]))
    with pytest.raises(ExchangeError, match="the second is lost"):
        overlap.finish()
    assert tried == [1, 2]


@pytest.mark.parametrize("world", WORLDS)
def test_a_peer_that_vanishes_is_named_at_the_end(world: str) -> None:
    def job(channel: Channel) -> None:
        if channel.rank == 1:
            return
        overlap = Overlap(AllReduce(channel))
        for _ in range(3):
            overlap.ready(np.zeros(100_000, np.float32))
        overlap.finish()

    found = together(world, 2, job)[0]
    assert isinstance(found, ExchangeError)
    assert "rank 1" in str(found)


def test_its_thread_ends_with_it() -> None:
    before = set(threading.enumerate())
    overlap = Overlap(lambda vector: None)
    overlap.ready(np.zeros(1))
    overlap.finish()
    (thread,) = set(threading.enumerate()) - before
    del overlap
    thread.join(60)
    assert not thread.is_alive()
