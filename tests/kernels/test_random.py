"""Random numbers by counter: known, even, and the same whoever asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from spark_deepnet.kernels.random import bits, fill_normal, fill_uniform, key_of, permutation, uniform

KEYS = [0, 1, 2**63 - 1, 2**63, 2**64 - 1]


def finaliser(key: int, i: int) -> int:
    """SplitMix64 in Python's own integers."""
    mask = (1 << 64) - 1
    z = (key + (i + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_bits_are_splitmix64() -> None:
    assert int(bits(np.uint64(0), np.uint64(0))) == 0xE220A8397B1DCDAF  # the generator's first number from seed 0
    for key in KEYS:
        for i in (0, 1, 12345, 2**40):
            assert int(bits(np.uint64(key), np.uint64(i))) == finaliser(key, i)


def test_uniform_is_in_0_to_1() -> None:
    numbers = [float(uniform(np.uint64(9), np.uint64(i))) for i in range(100)]
    assert numbers == [(finaliser(9, i) >> 11) / 2**53 for i in range(100)]


@pytest.mark.parametrize("fill", [lambda start, out: fill_uniform(np.uint64(3), start, -1.0, 2.0, out),
                                  lambda start, out: fill_normal(np.uint64(3), start, 1.5, out)])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_part_is_filled_as_in_the_whole(fill: Any, dtype: Any) -> None:
    whole, part = np.empty(100, dtype), np.empty(30, dtype)
    fill(0, whole)
    fill(40, part)
    np.testing.assert_array_equal(part, whole[40:70])


def test_distributions() -> None:
    out = np.empty(5000)
    fill_uniform(np.uint64(11), 0, -1.0, 3.0, out)
    assert stats.kstest(out, stats.uniform(-1, 4).cdf).pvalue > 0.01
    fill_normal(np.uint64(12), 0, 2.0, out)
    assert stats.kstest(out, stats.norm(0, 2).cdf).pvalue > 0.01


def test_keys_differ_by_every_part() -> None:
    keys = {key_of(*parts) for parts in [(1, "a"), (1, "b"), (2, "a"), ("1a",), (1, "a", 0), ("a", 1)]}
    assert len(keys) == 6
    assert key_of(42, "W") == key_of("42", "W")
    assert {type(key) for key in keys} == {np.uint64}


def test_permutation_is_one_and_is_kept() -> None:
    order = permutation(key_of("rows"), 50)
    np.testing.assert_array_equal(np.sort(order), np.arange(50))
    np.testing.assert_array_equal(order, permutation(key_of("rows"), 50))
    assert not np.array_equal(order, permutation(key_of("other"), 50))
    assert len(permutation(np.uint64(2**64 - 1), 0)) == 0
