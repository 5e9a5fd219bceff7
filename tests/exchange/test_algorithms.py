"""Every algorithm over every kind of channel: exact sums, the same bits on all ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.broadcast import broadcast
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.choice import quickest
from spark_deepnet.exchange.gather import all_gather_bytes
from tests.cases.algorithms import ALGORITHMS, IDS
from tests.exchange.ranks import WORLDS, results, together

SIZES = (1, 2, 3, 4, 7)
LENGTHS = (0, 1, 5, 1000, 100_003)
SCRATCH = 4_000  # floats: long vectors go in pieces

every_world = pytest.mark.parametrize("world", WORLDS)
every_size = pytest.mark.parametrize("size", SIZES)
every_algorithm = pytest.mark.parametrize("algorithm", [case.algorithm for case in ALGORITHMS], ids=IDS)


@every_world
@every_size
@pytest.mark.parametrize("length", LENGTHS)
@every_algorithm
def test_sums_are_exact(world: str, size: int, length: int, algorithm: Algorithm) -> None:
    base = np.arange(length, dtype=np.float32) % 97

    def job(channel: Channel) -> np.ndarray:
        vector = base + np.float32(channel.rank)
        algorithm.run(channel, vector, np.empty(SCRATCH, np.float32))
        return vector

    for vector in results(world, size, job):
        np.testing.assert_array_equal(vector, size * base + size * (size - 1) // 2)


def random_sum(algorithm: Algorithm) -> Callable[[Channel], bytes]:
    def job(channel: Channel) -> bytes:
        vector = np.random.default_rng(channel.rank).standard_normal(10_007, np.float32)
        algorithm.run(channel, vector, np.empty(SCRATCH, np.float32))
        return vector.tobytes()

    return job


@every_world
@every_size
@every_algorithm
def test_all_ranks_and_all_runs_have_the_same_bits(world: str, size: int, algorithm: Algorithm) -> None:
    first, second = (results(world, size, random_sum(algorithm)) for _ in range(2))
    assert len(set(first + second)) == 1


@every_size
@every_algorithm
def test_the_bits_do_not_depend_on_the_channel(size: int, algorithm: Algorithm) -> None:
    assert results("memory", size, random_sum(algorithm)) == results("sockets", size, random_sum(algorithm))


@every_world
@every_size
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_reduce_chooses_for_itself(world: str, size: int, dtype: type) -> None:
    def job(channel: Channel) -> list[np.ndarray]:
        all_reduce = AllReduce(channel, dtype)
        vectors = [np.full((count, 2), channel.rank + 1, dtype) for count in (3, 500_000)]
        for vector in vectors:
            all_reduce(vector)
        return vectors

    for vectors in results(world, size, job):
        for vector in vectors:
            assert vector.dtype == dtype
            np.testing.assert_array_equal(vector, size * (size + 1) // 2)


@pytest.mark.parametrize(
    ("hosts", "nbytes", "name"),
    [
        ((2,), 10**8, "doubling"),
        ((8,), 10**3, "doubling"),
        ((8,), 10**7, "ring"),
        ((4, 4), 10**3, "doubling"),
        ((8,) * 8, 10**5, "hierarchical"),
        ((1,) * 64, 10**5, "doubling"),
        ((8,) * 8, 10**7, "ring"),
    ],
)
def test_the_choice_goes_by_size_and_hosts(hosts: tuple[int, ...], nbytes: int, name: str) -> None:
    assert quickest(hosts, nbytes).kind == name


def test_an_algorithm_that_one_process_alone_may_know_is_not_chosen() -> None:
    class Free(Algorithm, kind="free"):
        def cost(self, hosts: tuple[int, ...], nbytes: int) -> tuple[float, float]:
            return 0, 0

    try:
        assert "free" in Algorithm.names()
        assert quickest((4,), 64).kind == "doubling"
    finally:
        del Algorithm._book["free"]


@pytest.mark.parametrize("vector", [np.zeros(3), np.zeros((4, 4), np.float32)[:, 1]])
def test_all_reduce_refuses_what_it_cannot_add_in_place(vector: np.ndarray) -> None:
    (found,) = together("memory", 1, lambda channel: AllReduce(channel)(vector))
    assert isinstance(found, ExchangeError)
    assert "C-contiguous float32" in str(found)


@every_world
@every_size
def test_all_gather_of_blobs_of_any_length(world: str, size: int) -> None:
    blobs = [bytes([rank]) * (rank * 50_000) for rank in range(size)]
    assert results(world, size, lambda channel: all_gather_bytes(channel, blobs[channel.rank])) == [blobs] * size


@every_world
@every_size
def test_broadcast_from_every_root(world: str, size: int) -> None:
    def job(channel: Channel) -> list[int]:
        vectors = [np.full(3, channel.rank) for _ in range(size)]
        for root, vector in enumerate(vectors):
            broadcast(channel, root, vector)
        return [int(vector.sum()) for vector in vectors]

    assert results(world, size, job) == [[3 * root for root in range(size)]] * size
