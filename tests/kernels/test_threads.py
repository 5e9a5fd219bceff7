"""The threads of a rank: all calls are made, errors come back, and helpers end with their context."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

from spark_deepnet.kernels import products
from spark_deepnet.kernels.products import product_parts
from spark_deepnet.kernels.threads import in_parallel, threads

NAME = "spark_deepnet compute"


def helpers() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("calls", [0, 1, 2, 5])
def test_each_call_is_made_once(count: int, calls: int) -> None:
    made: list[int] = []
    before = helpers()
    with threads(count):
        assert helpers() == before + count - 1
        for _ in range(20):
            in_parallel([partial(made.append, k) for k in range(calls)])
    assert sorted(made) == sorted(20 * list(range(calls)))
    assert helpers() == before


def test_two_calls_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    with threads(2):
        in_parallel([both.wait, both.wait])


def test_a_call_within_a_call_stays_on_its_thread() -> None:
    seen: list[set[str]] = []

    def nested() -> None:
        names: set[str] = set()
        in_parallel([lambda: names.add(threading.current_thread().name)] * 3)
        seen.append(names)

    with threads(2):
        in_parallel([nested, nested])
        in_parallel([nested, nested])
    assert [len(names) for names in seen] == [1, 1, 1, 1]
    assert len(set.union(*seen)) == 2


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_is_raised_once_all_have_ended(place: int) -> None:
    done: list[int] = []

    def work(k: int) -> None:
        if k == place:
            raise ValueError(f"of call {k}")
        done.append(k)

    with threads(2):
        with pytest.raises(ValueError, match=f"of call {place}"):
            in_parallel([partial(work, 0), partial(work, 1)])
        assert done == [1 - place]
        in_parallel([partial(done.append, 7)] * 2)
    assert done == [1 - place, 7, 7]


def test_ranks_that_are_threads_have_helpers_of_their_own() -> None:
    both = threading.Barrier(4, timeout=10)

    def rank() -> None:
        with threads(2):
            in_parallel([both.wait, both.wait])

    ranks = [threading.Thread(target=rank) for _ in range(2)]
    for thread in ranks:
        thread.start()
    for thread in ranks:
        thread.join()
    assert not both.broken


@pytest.mark.parametrize(("m", "k", "n"), [(128, 784, 512), (784, 128, 512), (128, 512, 4096), (28, 512, 512)])
def test_parts_cover_a_product(m: int, k: int, n: int) -> None:
    parts = product_parts(m, k, n)
    count = np.zeros((m, n), int)
    for part in parts:
        count[part] += 1
    assert len(parts) == products.PARTS
    assert (count == 1).all()


@pytest.mark.parametrize(("m", "k", "n"), [(128, 54, 64), (0, 800, 500), (128, 0, 512), (1, 4096, 4096), (20, 20, 20)])
def test_small_or_narrow_products_are_not_cut(m: int, k: int, n: int) -> None:
    cut = len(product_parts(m, k, n)) > 1
    assert cut == (m * k * n >= products.MIN_MULTIPLY_ADDS)
