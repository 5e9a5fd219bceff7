"""Sums of which less is sent: the same bits on all ranks, errors within bounds, nothing lost for good."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.errors import ExchangeError, ParamError
from spark_deepnet.exchange.algorithms.doubling import Doubling
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.choice import quickest
from spark_deepnet.exchange.compressed import Compressed
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.compressions.fp16 import FP16
from spark_deepnet.exchange.compressions.topk import TopK
from spark_deepnet.exchange.cost import duration
from spark_deepnet.kernels.jit import JIT
from tests.cases.compressions import COMPRESSIONS, IDS, CompressionCase
from tests.exchange.ranks import WORLDS, results, together

LENGTH = 20_011 if JIT else 211
SCRATCH = 999
SIZES = (2, 3, 5)
ROUNDS = 4
every_world = pytest.mark.parametrize("world", WORLDS)
every_size = pytest.mark.parametrize("size", SIZES)
every_case = pytest.mark.parametrize("case", COMPRESSIONS, ids=IDS)
every_compression = pytest.mark.parametrize("compression", [case.compression for case in COMPRESSIONS], ids=IDS)


def drawn(size: int, length: int = LENGTH) -> np.ndarray:
    """A vector a rank, of magnitudes from 1e-6 to 1."""
    rng = np.random.default_rng(size)
    return (rng.standard_normal((size, length)) * 10 ** rng.uniform(-6, 0, (size, length))).astype(np.float32)


def residual_for(compression: Compression, length: int) -> np.ndarray | None:
    return np.zeros(length, np.float32) if compression.keeps_residual else None


def summed(compression: Compression, vectors: np.ndarray, world: str = "memory", rounds: int = 1) -> np.ndarray:
    """The sums of so many rounds and at last the residuals, all added up in float64; the sums are the same on all ranks."""

    def job(channel: Channel) -> tuple[np.ndarray, np.ndarray | None]:
        residual = residual_for(compression, vectors.shape[1])
        sums = np.repeat(vectors[channel.rank][None], rounds, 0)
        for vector in sums:
            compression.run(channel, vector, np.empty(SCRATCH, np.float32), residual)
        return sums, residual

    found = results(world, len(vectors), job)
    assert len({sums.tobytes() for sums, _ in found}) == 1
    residuals = [residual for _, residual in found if residual is not None]
    return np.sum([*found[0][0], *residuals], 0, dtype=np.float64)  # type: ignore[no-any-return]


@every_world
@every_size
@every_case
@pytest.mark.parametrize("length", [1, 7, LENGTH])
def test_nothing_is_lost_but_the_last_places(world: str, size: int, case: CompressionCase, length: int) -> None:
    vectors = drawn(size, length)
    exact, largest = ROUNDS * vectors.sum(0, dtype=np.float64), np.abs(vectors).max() * size
    added = ROUNDS * np.abs(vectors).sum(0) + np.abs(exact)
    errors = np.abs(summed(case.compression, vectors, world, ROUNDS) - exact)
    assert (errors <= case.relative * added + ROUNDS * case.absolute * largest).all()


@every_compression
def test_the_same_vectors_give_the_same_bits_again(compression: Compression) -> None:
    first, second = (summed(compression, drawn(3), world) for world in WORLDS)
    assert first.tobytes() == second.tobytes()


@every_compression
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_noticed(compression: Compression, value: float) -> None:
    vectors = drawn(2)
    vectors[1, LENGTH // 3] = value
    assert not np.isfinite(summed(compression, vectors)[LENGTH // 3])


@every_compression
def test_the_values_of_one_host_are_summed_exactly(compression: Compression) -> None:
    vectors = drawn(3)

    def job(channel: Channel) -> list[bytes]:
        sums = []
        for how in (None, compression):
            residual = None if how is None else residual_for(how, LENGTH)
            sums.append(vectors[channel.rank].copy())
            AllReduce(channel, np.float32, how, residual)(sums[-1])
        return [vector.tobytes() for vector in sums]

    assert all(exact == compressed for exact, compressed in results("memory", 3, job, hosts="aaa"))


def test_a_vector_without_values_is_halved_too() -> None:
    assert summed(FP16(), drawn(3, 0)).size == 0


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-20, 1.0, 1e20, 1e38])
def test_what_is_far_from_a_halfs_range_is_scaled(scale: float) -> None:
    vectors = np.float32([[1, -0.5, 0.25], [1, -0.25, 0]]) * np.float32(scale)
    np.testing.assert_allclose(summed(FP16(), vectors), vectors.sum(0), rtol=2e-3)


def test_nan_and_infinity_come_through_and_spoil_nothing_else() -> None:
    vectors = np.zeros((3, 9), np.float32)
    vectors[0] = [np.nan, np.inf, -np.inf, np.inf, 1, 2, 3, 0, 1e-3]
    vectors[1] = [1, 1, 1, -np.inf, 1, 1, 1, 0, 1e-3]
    found = summed(FP16(), vectors)
    np.testing.assert_array_equal(found[:8], [np.nan, np.inf, -np.inf, np.nan, 2, 3, 4, 0])
    assert found[8] == pytest.approx(2e-3, rel=1e-3)


@every_world
@every_size
def test_what_top_k_does_not_send_it_keeps(world: str, size: int) -> None:
    vectors, top_k = drawn(size), TopK(0.05)

    def job(channel: Channel) -> tuple[bytes, np.ndarray, np.ndarray]:
        residual, total = np.zeros(LENGTH, np.float32), np.zeros(LENGTH)
        for _ in range(4):
            vector = vectors[channel.rank].copy()
            top_k.run(channel, vector, np.empty(0, np.float32), residual)
            assert 0 < np.count_nonzero(vector) <= size * top_k.kept(LENGTH)
            total += vector
        return vector.tobytes(), total, residual

    found = results(world, size, job)
    assert len({last for last, _, _ in found}) == 1
    total = found[0][1] + sum(residual for _, _, residual in found)
    np.testing.assert_allclose(total, 4 * vectors.sum(0, dtype=np.float64), rtol=1e-5, atol=1e-5)


def test_top_k_sends_the_largest_and_nan_first() -> None:
    vectors = np.float32([[1, -5, 2, 3, 0], [np.nan, 0, 0, 0, 7]])

    def job(channel: Channel) -> tuple[list[float], list[float]]:
        residual, vector = np.zeros(5, np.float32), vectors[channel.rank].copy()
        TopK(0.4).run(channel, vector, np.empty(0, np.float32), residual)
        return vector.tolist(), residual.tolist()

    (first, rest), (second, none) = results("memory", 2, job)
    np.testing.assert_array_equal([first, second], 2 * [[np.nan, -5, 0, 3, 7]])
    assert (rest, none) == ([1, 0, 2, 0, 0], [0] * 5)


def test_all_values_kept_is_the_exact_sum() -> None:
    vectors = np.arange(30, dtype=np.float32).reshape(3, 10)

    def job(channel: Channel) -> np.ndarray:
        vector = vectors[channel.rank].copy()
        TopK(1.0).run(channel, vector, np.empty(0, np.float32), np.zeros(10, np.float32))
        return vector

    np.testing.assert_array_equal(results("memory", 3, job), 3 * [vectors.sum(0)])


@pytest.mark.parametrize("ratio", [0, -0.1, 1.1, float("nan"), "0.1"])
def test_a_ratio_must_be_a_part_of_the_vector(ratio: float) -> None:
    with pytest.raises(ParamError, match=f"ratio must be above 0 and at most 1, found {ratio!r}"):
        TopK(ratio)


@pytest.mark.parametrize(("ratio", "kept"), [(0.01, 1), (0.11, 2), (1.0, 10), (1e-9, 1)])
def test_k_is_rounded_up(ratio: float, kept: int) -> None:
    assert TopK(ratio).kept(10) == kept


def test_top_k_is_of_one_vector() -> None:
    def job(channel: Channel) -> None:
        TopK(0.1).run(channel, np.zeros(9, np.float32), np.empty(0), np.zeros(10, np.float32))

    (found,) = together("memory", 1, job)
    assert "a residual of 10 values, found a vector of 9" in str(found)


def test_all_reduce_wants_a_residual_where_the_compression_keeps_one() -> None:
    (found,) = together("memory", 1, lambda channel: AllReduce(channel, np.float32, TopK(0.1)))
    assert isinstance(found, ExchangeError)
    assert "TopK(ratio=0.1) keeps a residual" in str(found)


@every_world
@pytest.mark.parametrize("compression", [FP16(), TopK(1.0)], ids=["half", "top-k"])
def test_all_reduce_compresses_between_hosts_alone(world: str, compression: Compression) -> None:
    hosts = [f"127.0.0.{1 + rank // 2}" for rank in range(6)]

    def job(channel: Channel) -> tuple[np.ndarray, bytes]:
        all_reduce = AllReduce(channel, np.float32, compression, residual_for(compression, 200_000))
        vectors = [np.full(count, np.float32(channel.rank + 1)) for count in (3, 200_000)]
        for vector in vectors:
            all_reduce(vector)
        return vectors[0], vectors[1].tobytes()

    found = results(world, 6, job, hosts=hosts)
    for short, long in found:
        np.testing.assert_array_equal(short, [21, 21, 21])  # too short to gain anything
        np.testing.assert_array_equal(np.frombuffer(long, np.float32), 21)


@pytest.mark.parametrize(
    ("compression", "nbytes", "chosen"),
    [(FP16(), 64, False), (FP16(), 10**7, True), (TopK(0.8), 10**7, False), (TopK(0.05), 10**7, True)],
)
def test_compression_is_used_where_it_costs_less(compression: Compression, nbytes: int, chosen: bool) -> None:
    compressed = Compressed(compression, residual_for(compression, nbytes // 4))
    assert quickest((1, 1), nbytes, compressed) == (compressed if chosen else Doubling())


@every_compression
def test_a_long_vector_costs_less_than_whole(compression: Compression) -> None:
    whole = duration(quickest((1, 1), 10**8).cost((1, 1), 10**8))
    assert duration(compression.cost(2, 10**8)) < whole or compression == TopK(1.0)
