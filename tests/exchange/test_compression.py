"""Sums of which less is sent: the same bits on all ranks, errors within bounds, nothing lost for good."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.all_reduce import AllReduce, Compression, quickest
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.half import Half
from spark_deepnet.exchange.top_k import TopK
from spark_deepnet.kernels.jit import JIT
from tests.exchange.ranks import WORLDS, results, together

LENGTH = 20_011 if JIT else 211
SCRATCH = 999
SIZES = (2, 3, 5)
every_world = pytest.mark.parametrize("world", WORLDS)
every_size = pytest.mark.parametrize("size", SIZES)


def drawn(size: int, length: int = LENGTH) -> np.ndarray:
    """A vector a rank, of magnitudes from 1e-6 to 1."""
    rng = np.random.default_rng(size)
    return (rng.standard_normal((size, length)) * 10 ** rng.uniform(-6, 0, (size, length))).astype(np.float32)


def summed(vectors: np.ndarray, world: str = "memory") -> np.ndarray:
    """The sum in halves, the same on all ranks."""

    def job(channel: Channel) -> np.ndarray:
        vector = vectors[channel.rank].copy()
        Half()(channel, vector, np.empty(SCRATCH, np.float32))
        return vector

    found = results(world, len(vectors), job)
    assert len({vector.tobytes() for vector in found}) == 1
    return found[0]


@every_world
@every_size
@pytest.mark.parametrize("length", [0, 1, 7, LENGTH])
def test_halves_are_rounded_twice(world: str, size: int, length: int) -> None:
    vectors = drawn(size, length)
    exact = vectors.sum(0, dtype=np.float64)
    parts, largest = np.abs(vectors).sum(0) + np.abs(exact), np.abs(vectors).max(initial=0) * size
    # half of the last place: 2^-11 of a number, and 2^-39 of the message's largest where halves are subnormal
    assert (np.abs(summed(vectors, world) - exact) <= 1.01 * (2**-11 * parts + 2**-37 * largest)).all()


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-20, 1.0, 1e20, 1e38])
def test_what_is_far_from_a_halfs_range_is_scaled(scale: float) -> None:
    vectors = np.float32([[1, -0.5, 0.25], [1, -0.25, 0]]) * np.float32(scale)
    np.testing.assert_allclose(summed(vectors), vectors.sum(0), rtol=2e-3)


def test_nan_and_infinity_come_through_and_spoil_nothing_else() -> None:
    vectors = np.zeros((3, 9), np.float32)
    vectors[0] = [np.nan, np.inf, -np.inf, np.inf, 1, 2, 3, 0, 1e-3]
    vectors[1] = [1, 1, 1, -np.inf, 1, 1, 1, 0, 1e-3]
    found = summed(vectors)
    np.testing.assert_array_equal(found[:8], [np.nan, np.inf, -np.inf, np.nan, 2, 3, 4, 0])
    assert found[8] == pytest.approx(2e-3, rel=1e-3)


@every_world
@every_size
def test_what_top_k_does_not_send_it_keeps(world: str, size: int) -> None:
    vectors, kept = drawn(size), LENGTH // 20

    def job(channel: Channel) -> tuple[bytes, np.ndarray, np.ndarray]:
        top_k, total = TopK(LENGTH, kept), np.zeros(LENGTH)
        for _ in range(4):
            vector = vectors[channel.rank].copy()
            top_k(channel, vector, np.empty(0, np.float32))
            assert 0 < np.count_nonzero(vector) <= size * kept
            total += vector
        return vector.tobytes(), total, top_k.residual

    found = results(world, size, job)
    assert len({last for last, _, _ in found}) == 1
    total = found[0][1] + sum(residual for _, _, residual in found)
    np.testing.assert_allclose(total, 4 * vectors.sum(0, dtype=np.float64), rtol=1e-5, atol=1e-5)


def test_top_k_sends_the_largest_and_nan_first() -> None:
    vectors = np.float32([[1, -5, 2, 3, 0], [np.nan, 0, 0, 0, 7]])

    def job(channel: Channel) -> tuple[list[float], list[float]]:
        top_k, vector = TopK(5, 2), vectors[channel.rank].copy()
        top_k(channel, vector, np.empty(0, np.float32))
        return vector.tolist(), top_k.residual.tolist()

    (first, rest), (second, none) = results("memory", 2, job)
    np.testing.assert_array_equal([first, second], 2 * [[np.nan, -5, 0, 3, 7]])
    assert (rest, none) == ([1, 0, 2, 0, 0], [0] * 5)


def test_all_values_kept_is_the_exact_sum() -> None:
    vectors = np.arange(30, dtype=np.float32).reshape(3, 10)

    def job(channel: Channel) -> np.ndarray:
        vector = vectors[channel.rank].copy()
        TopK(10, 10)(channel, vector, np.empty(0, np.float32))
        return vector

    np.testing.assert_array_equal(results("memory", 3, job), 3 * [vectors.sum(0)])


@pytest.mark.parametrize("kept", [0, 11])
def test_k_must_fit_the_vector(kept: int) -> None:
    with pytest.raises(ExchangeError, match=f"1 to 10, found {kept}"):
        TopK(10, kept)


def test_top_k_is_of_one_vector() -> None:
    (found,) = together("memory", 1, lambda channel: TopK(10, 1)(channel, np.zeros(9, np.float32), np.empty(0)))
    assert "a residual of 10 values, found a vector of 9" in str(found)


@every_world
@pytest.mark.parametrize("make", [Half, lambda: TopK(200_000, 200_000)], ids=["half", "top-k"])
def test_all_reduce_compresses_between_hosts_alone(world: str, make: type[Compression]) -> None:
    hosts = [f"127.0.0.{1 + rank // 2}" for rank in range(6)]

    def job(channel: Channel) -> tuple[np.ndarray, bytes]:
        all_reduce = AllReduce(channel, np.float32, make())
        vectors = [np.full(count, np.float32(channel.rank + 1)) for count in (3, 200_000)]
        for vector in vectors:
            all_reduce(vector)
        return vectors[0], vectors[1].tobytes()

    found = results(world, 6, job, hosts=hosts)
    for short, long in found:
        np.testing.assert_array_equal(short, [21, 21, 21])  # too short to gain anything
        np.testing.assert_array_equal(np.frombuffer(long, np.float32), 21)


def test_compression_is_used_where_it_costs_less() -> None:
    assert quickest((1, 1), 64, Half()).__name__ == "doubling"  # type: ignore[attr-defined]
    assert quickest((1, 1), 10**7, Half()).keywords["between"].__class__ is Half  # type: ignore[attr-defined]
    assert quickest((1, 1), 10**7, TopK(2_500_000, 2_000_000)).__name__ == "doubling"  # type: ignore[attr-defined]
