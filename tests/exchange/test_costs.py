"""Every cost formula against the virtual clock: what the same code takes on a network of so much latency and width."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from spark_deepnet.exchange import broadcast, reduce, rows
from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.algorithms.doubling import Doubling
from spark_deepnet.exchange.algorithms.hierarchical import Hierarchical
from spark_deepnet.exchange.algorithms.ring import Ring
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.choice import quickest
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.cost import STEP_BYTES
from spark_deepnet.kernels.jit import JIT
from tests.cases.algorithms import ALGORITHMS, IDS, AlgorithmCase
from tests.cases.compressions import COMPRESSIONS
from tests.cases.compressions import IDS as COMPRESSION_IDS
from tests.exchange.virtual import Network, Outcome, simulated

SIZES = tuple(range(1, 18))
HOSTS = ((1, 1, 1), (2, 2), (3, 1, 2), (4, 4), (2, 2, 2), (4, 2, 1), (4,) * 4, (1,) * 8)
FLOATS = 720  # whole chunks for most sizes
every_algorithm = pytest.mark.parametrize("case", ALGORITHMS, ids=IDS)
every_compression = pytest.mark.parametrize("compression", [c.compression for c in COMPRESSIONS], ids=COMPRESSION_IDS)


def outcomes(
    run: Callable[..., None], hosts: tuple[int, ...], floats: int, latency: float, per_byte: float, **network: Any
) -> list[Outcome]:
    """What run(channel, vector, scratch) takes where each host has so many ranks."""
    names = [str(host) for host, count in enumerate(hosts) for _ in range(count)]

    def job(channel: Channel) -> None:
        run(channel, np.zeros(floats, np.float32), np.empty(floats + 4, np.float32))

    found = simulated(len(names), job, Network(latency, per_byte, names, **network))
    assert [outcome.result for outcome in found] == [None] * len(names)
    return found


def taken(run: Callable[..., None], hosts: tuple[int, ...], floats: int = FLOATS) -> tuple[float, float]:
    """Steps and bytes: the last rank's time with latency alone, and with width alone."""
    steps = outcomes(run, hosts, floats, 1.0, 0.0)
    assert max(o.steps for o in steps) == max(o.seconds for o in steps)
    return max(o.steps for o in steps), max(o.seconds for o in outcomes(run, hosts, floats, 0.0, 1.0))


@every_algorithm
@pytest.mark.parametrize("size", SIZES)
def test_on_one_host_bytes_are_the_formulas_and_steps_are_not_more(case: AlgorithmCase, size: int) -> None:
    steps, moved = taken(case.algorithm.run, (size,))
    predicted = case.algorithm.cost((size,), 4 * FLOATS)
    uneven = 4 * 2 * (size - 1) * (FLOATS % size > 0)
    assert predicted[1] <= moved + 1e-6
    assert moved <= predicted[1] + case.chunks * uneven + 1e-6
    assert predicted[0] - (case.folds and size & (size - 1) > 0) <= steps <= predicted[0]


@every_algorithm
@pytest.mark.parametrize("hosts", HOSTS, ids=str)
def test_on_several_hosts_links_are_shared(case: AlgorithmCase, hosts: tuple[int, ...]) -> None:
    steps, moved = taken(case.algorithm.run, hosts)
    predicted = case.algorithm.cost(hosts, 4 * FLOATS)
    even = len(set(hosts)) == 1 and sum(hosts) & (sum(hosts) - 1) == 0
    if even or case.chunks:
        assert (steps, moved) == (predicted[0], pytest.approx(predicted[1], rel=0.01))
    else:  # uneven hosts do not wait for one another at every step
        assert 0.5 * predicted[0] <= steps <= predicted[0]
        assert 0.8 * predicted[1] <= moved <= 1.2 * predicted[1] + 1e-6


@pytest.mark.parametrize(("algorithm", "hosts"), [
    (Ring(), (96,)),
    (Doubling(), (256,)),
    (Doubling(), (1024,)),
    (Hierarchical(), (16,) * 16),
    (Hierarchical(), (32,) * 32),
])  # fmt: skip
def test_many_ranks(algorithm: Algorithm, hosts: tuple[int, ...]) -> None:
    floats = sum(hosts)
    found = outcomes(algorithm.run, hosts, floats, 100.0, 1.0)
    steps, moved = algorithm.cost(hosts, 4 * floats)
    assert max(o.steps for o in found) == steps
    assert max(o.seconds for o in found) == pytest.approx(100 * steps + moved, rel=0.01)
    if algorithm == Ring():
        assert {o.bytes_sent for o in found} == {moved}


@pytest.mark.parametrize("size", SIZES)
def test_the_two_ways_of_a_tree(size: int) -> None:
    def down(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        broadcast.broadcast(channel, 0, vector)

    assert taken(reduce.reduce, (size,)) == reduce.cost(size, 4 * FLOATS)
    assert taken(down, (size,)) == broadcast.cost(size, 4 * FLOATS)


@every_compression
@pytest.mark.parametrize("size", [2, 3, 4, 6, 8] if JIT else [2, 3])
def test_compressions_cost_what_they_say(compression: Compression, size: int) -> None:
    def compressed(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        compression.run(channel, vector, scratch, np.zeros_like(vector) if compression.keeps_residual else None)

    assert taken(compressed, (1,) * size) == pytest.approx(compression.cost(size, 4 * FLOATS))


@pytest.mark.parametrize("size", [1, 2, 3, 8] if JIT else [2, 3])
@pytest.mark.parametrize("count", [0, 11])
def test_rows_cost_what_they_say(size: int, count: int) -> None:
    def some_rows(channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        row_sum = rows.RowSum(channel, FLOATS, 5)
        row_sum.max_rows = FLOATS  # whatever the whole would cost
        assert row_sum(np.arange(count, dtype=np.int32), np.ones((count, 5), np.float32)) is not None

    assert taken(some_rows, (1,) * size) == rows.cost(size, count, 5)


@pytest.mark.parametrize("hosts", [(4,), (16,), (4, 4), (8,) * 4, (1,) * 8, (3, 2)], ids=str)
@pytest.mark.parametrize("floats", [16, 4_000, 60_000])
def test_what_is_chosen_is_the_quickest_or_near_it(hosts: tuple[int, ...], floats: int) -> None:
    def seconds(run: Callable[..., None]) -> float:
        return max(o.seconds for o in outcomes(run, hosts, floats, STEP_BYTES, 1.0))

    best = min(seconds(case.algorithm.run) for case in ALGORITHMS)
    assert seconds(quickest(hosts, 4 * floats).run) <= 1.1 * best


@every_algorithm
def test_all_wait_for_a_straggler_and_no_longer(case: AlgorithmCase) -> None:
    run = case.algorithm.run
    on_time = max(o.seconds for o in outcomes(run, (2, 2), FLOATS, 10.0, 1.0))
    late = [o.seconds for o in outcomes(run, (2, 2), FLOATS, 10.0, 1.0, delays=(0, 0, 1e6, 0))]
    assert min(late) >= 1e6
    assert max(late) <= 1e6 + on_time


def test_virtual_ranks_get_the_right_sum_and_always_the_same_times() -> None:
    def job(channel: Channel) -> float:
        vector = np.full(10, channel.rank + 1, np.float32)
        Hierarchical().run(channel, vector, np.empty(10, np.float32))
        return float(vector.sum())

    found = [simulated(7, job, Network(1.0, 0.1, "aabbbca", (0.3, 0, 0, 2.0, 0, 0, 0.1))) for _ in range(2)]
    assert [o.result for o in found[0]] == [280.0] * 7
    assert found[0] == found[1]


def test_who_waits_in_vain_is_told() -> None:
    found = simulated(3, partial(Channel.receive, peer=0, out=np.zeros(1)), Network(1.0, 1.0))
    assert all("waited inf s for rank 0" in str(o.result) for o in found)


def test_a_wrong_length_is_refused_in_virtual_time_too() -> None:
    def job(channel: Channel) -> None:
        if channel.rank == 0:
            channel.send(1, np.zeros(3))
        else:
            channel.receive(0, np.zeros(4))

    assert "expected 32 bytes from rank 0, found 24" in str(simulated(2, job, Network(1.0, 1.0))[1].result)
