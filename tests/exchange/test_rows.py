"""Sums of matrices of which ranks have few rows: those of the whole matrices, the same bits on all ranks."""

from __future__ import annotations

import numpy as np
import pytest

from spark_deepnet.exchange import all_reduce, rows
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.cost import STEP_BYTES, duration
from spark_deepnet.exchange.rows import RowSum
from tests.exchange.ranks import WORLDS, results

WIDTH, D = 4000, 16
every_size = pytest.mark.parametrize("size", [1, 2, 3, 5])


def drawn(rank: int, count: int, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rank)
    index = rng.choice(width // 8, count, replace=False).astype(np.int32)  # few, so that ranks have some in common
    return index, rng.normal(size=(count, D)).astype(np.float32)


@pytest.mark.parametrize("world", WORLDS)
@every_size
def test_the_sum_is_that_of_the_whole_matrices(world: str, size: int) -> None:
    counts = [0, 30, 7, 1, 12][:size]

    def job(channel: Channel) -> list[tuple[np.ndarray, np.ndarray]]:
        row_sum, found = RowSum(channel, WIDTH, D), []
        for _ in range(2):
            told = row_sum(*drawn(channel.rank, counts[channel.rank]))
            assert told is not None
            found.append((told[0], told[1].copy()))
        return found

    wanted = np.zeros((WIDTH, D))
    for rank, count in enumerate(counts):
        index, values = drawn(rank, count)
        wanted[index] += values
    told = results(world, size, job)
    for index, values in told[0]:
        assert len(set(index.tolist())) == len(index)
        found = np.zeros((WIDTH, D))
        found[index] = values
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert len({(index.tobytes(), values.tobytes()) for of_rank in told for index, values in of_rank}) == 1


@every_size
@pytest.mark.parametrize("why", ["one rank has all", "too many"])
def test_all_ranks_are_told_alike_where_rows_do_not_go(size: int, why: str) -> None:
    def job(channel: Channel) -> object:
        row_sum = RowSum(channel, WIDTH, D)
        index, values = drawn(channel.rank, 9)
        if why == "too many":
            row_sum.max_rows = 9 * size - 1
            return row_sum(index, values)
        return row_sum(None if channel.rank == size - 1 else index, values)

    wanted = [None] * size
    assert results("memory", size, job) == wanted or (size == 1 and why == "too many")


def test_where_ranks_sit_does_not_change_the_bits_between_them() -> None:
    def job(channel: Channel) -> bytes:
        found = RowSum(channel, WIDTH, D)(*drawn(channel.rank, 20))
        assert found is not None
        return b"".join(part.tobytes() for part in found)

    assert len(set(results("memory", 4, job, hosts=["a", "b", "a", "b"]))) == 1


@pytest.mark.parametrize("hosts", [(2,), (4,), (1, 1), (2, 2), (1,) * 8], ids=str)
@pytest.mark.parametrize(("width", "d"), [(100, 8), (50_000, 64), (1 << 18, 64)])
def test_rows_go_while_they_cost_less(hosts: tuple[int, ...], width: int, d: int) -> None:
    size, whole = sum(hosts), duration(all_reduce.cost(hosts, 4 * width * d))
    limit = rows.max_rows(hosts, width, d)
    assert limit == 0 or duration(rows.cost(size, limit // size, d)) <= whole + STEP_BYTES
    assert duration(rows.cost(size, limit // size + 2, d)) > whole - STEP_BYTES * (limit == 0)
    assert (limit > 0) == (width > 100)
