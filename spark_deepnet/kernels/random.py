"""Random numbers by counter: the i-th number of a key depends neither on the caller nor on the order of calls.

So a block's initial weights are the same as in the uncut network, and dropout sets the same units of a row to 0 on any
rank. The generator is SplitMix64's finaliser over key + i * golden ratio (Steele, Lea, Flood, OOPSLA 2014).
"""

from __future__ import annotations

import hashlib

import numpy as np

from spark_deepnet.kernels.jit import careful


def key_of(*parts: object) -> np.uint64:
    """A 64-bit key from a seed and names, the same in every process."""
    text = "\x1f".join(str(p) for p in parts)
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


@careful
def bits(key, i):  # type: ignore[no-untyped-def]
    """The i-th 64 random bits of a key; both uint64."""
    z = np.uint64(key) + (np.uint64(i) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@careful
def uniform(key, i):  # type: ignore[no-untyped-def]
    """The i-th number of a key, uniform in [0, 1), with 53 random bits."""
    return np.float64(bits(key, i) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@careful
def fill_uniform(key, start, low, high, out):  # type: ignore[no-untyped-def]
    """out[j] = the (start + j)-th number, uniform in [low, high)"""
    for j in range(out.size):
        out[j] = low + (high - low) * uniform(key, start + j)


@careful
def fill_normal(key, start, scale, out):  # type: ignore[no-untyped-def]
    """out[j] = the (start + j)-th number, normal with this standard deviation (Box and Muller, one of each pair)"""
    for j in range(out.size):
        radius = np.sqrt(-2.0 * np.log(1.0 - uniform(key, 2 * (start + j))))
        out[j] = scale * radius * np.cos(2.0 * np.pi * uniform(key, 2 * (start + j) + 1))


def permutation(key: np.uint64, n: int) -> np.ndarray:
    """A random order of n things, the same for the same key on any machine."""
    return np.random.Generator(np.random.Philox(int(key))).permutation(n)


def shuffled(key: np.uint64, things: np.ndarray) -> np.ndarray:
    """A copy in that order: things[permutation(key, n)]."""
    copy = things.copy()
    np.random.Generator(np.random.Philox(int(key))).shuffle(copy)
    return copy
