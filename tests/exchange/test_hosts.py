"""Ranks on several hosts: all algorithms agree, whichever rank sits where."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.by_host import Run
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.sub_channel import SubChannel, grouped_by_host, ranks_by_host, ranks_per_host
from tests.cases.algorithms import ALGORITHMS, IDS
from tests.exchange.ranks import WORLDS, results

PLACES = {
    "dealt over three": [rank % 3 for rank in range(9)],
    "six, two and one": [0, 0, 0, 0, 0, 0, 1, 1, 2],
    "back to the first": [0, 1, 1, 1, 0, 2, 0, 2, 1],
}
every_world = pytest.mark.parametrize("world", WORLDS)
every_place = pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
RUNS = [*(case.algorithm.run for case in ALGORITHMS), lambda channel, vector, _: AllReduce(channel)(vector)]
every_run = pytest.mark.parametrize("run", RUNS, ids=[*IDS, "the chosen one"])


def addresses(places: list[int], size: int) -> list[str]:
    """Every place is an address of its own of the loopback."""
    return [f"127.0.0.{1 + place}" for place in places[:size]]


@every_world
@every_place
@every_run
@pytest.mark.parametrize("size", range(1, 10))
def test_an_algorithm_is_exact_and_agrees_with_itself_bit_for_bit(
    world: str, places: list[int], size: int, run: Run
) -> None:
    drawn = np.random.default_rng(3).standard_normal((size, 1003), np.float32)
    expected = drawn.sum(0, dtype=np.float64)

    def job(channel: Channel) -> bytes:
        vector = drawn[channel.rank].copy()
        run(channel, vector, np.empty(200, np.float32))
        np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-5)
        return vector.tobytes()

    first, second = (results(world, size, job, hosts=addresses(places, size)) for _ in range(2))
    assert first + second == 2 * size * [first[0]]


@every_place
@every_run
def test_bits_do_not_depend_on_the_channel(places: list[int], run: Run) -> None:
    def job(channel: Channel) -> bytes:
        vector = np.random.default_rng(channel.rank).standard_normal(101, np.float32)
        run(channel, vector, np.empty(60, np.float32))
        return vector.tobytes()

    found = [results(world, 9, job, hosts=addresses(places, 9)) for world in WORLDS]
    assert found[0] == found[1]


@every_world
def test_a_channel_knows_who_shares_a_host(world: str) -> None:
    hosts = addresses(PLACES["back to the first"], 4)
    assert results(world, 4, lambda channel: channel.hosts, hosts=hosts) == [tuple(hosts)] * 4


def test_crews_are_counted_in_the_order_of_their_first_ranks() -> None:
    assert ranks_by_host("abbcab") == [[0, 4], [1, 2, 5], [3]]
    assert ranks_per_host("abbcab") == (2, 3, 1)


def test_seats_are_side_by_side_and_count_for_the_channel_beneath() -> None:
    def job(channel: Channel) -> tuple[int, list[str], int]:
        seats = grouped_by_host(channel)
        heard = np.zeros(1, np.int64)
        seats.swap((seats.rank + 1) % 4, np.array([channel.rank]), (seats.rank - 1) % 4, heard)
        assert isinstance(seats, SubChannel)
        return int(heard[0]), list(seats.hosts), channel.bytes_sent

    assert results("memory", 4, job, hosts="abab") == [(left, list("aabb"), 8) for left in (3, 2, 0, 1)]


def test_neighbours_keep_their_own_channel() -> None:
    assert results("memory", 3, lambda channel: grouped_by_host(channel) is channel, hosts="aab") == [True] * 3
