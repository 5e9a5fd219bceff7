"""Exact sums: float64 numbers added as whole numbers of 2^-1074, so that no order of them gives another sum (Kulisch's
accumulator; Neal, Fast exact summation using small and large superaccumulators, arXiv 1505.05571)."""

from __future__ import annotations

import numpy as np

from spark_deepnet.kernels.jit import careful

LIMBS = 68
"""Of 32 bits, in 64-bit integers: from 2^-1074 to 2^1024 and the carries of 2^29 numbers."""
UNIT_BITS = 1074
"""The whole numbers are of 2^-1074."""


@careful
def _add_bits(bits, limbs):  # type: ignore[no-untyped-def]
    """limbs[c] += the number with these bits; what is not finite is left out"""
    mask = np.int64(0xFFFFFFFF)
    for c in range(bits.size):
        b = bits[c]
        power = (b >> 52) & 0x7FF
        m = b & 0xFFFFFFFFFFFFF
        if power == 0x7FF or (power == 0 and m == 0):
            continue
        if power > 0:
            m |= np.int64(1) << 52
            power -= 1
        k, shift = power >> 5, power & 31
        low, high = (m & mask) << shift, (m >> 32) << shift
        sign = np.int64(-1) if b < 0 else np.int64(1)
        limbs[c, k] += sign * (low & mask)
        limbs[c, k + 1] += sign * ((low >> 32) + (high & mask))
        limbs[c, k + 2] += sign * (high >> 32)


@careful
def add_exactly(x, weights, sums, squares, term):  # type: ignore[no-untyped-def]
    """sums[c] += sum_n weights[n] x[n, c]   squares[c] += sum_n weights[n] x[n, c]^2; each product with a weight is
    rounded to float64. A square is three exact products of the halves of x[n, c] (Dekker, 1971). term: (columns,)
    float64"""
    bits = term.view(np.int64)
    columns = x.shape[1]
    for n in range(x.shape[0]):
        weight = weights[n]
        if weight == 0:
            continue
        rest = False
        for c in range(columns):
            term[c] = weight * np.float64(x[n, c])
        _add_bits(bits, sums)
        for c in range(columns):
            v = np.float64(x[n, c])
            high = np.float64(np.float32(v))
            rest = rest or v != high
            term[c] = weight * (high * high)
        _add_bits(bits, squares)
        if rest:
            for c in range(columns):
                v = np.float64(x[n, c])
                high = np.float64(np.float32(v))
                term[c] = weight * (2 * high * (v - high))
            _add_bits(bits, squares)
            for c in range(columns):
                v = np.float64(x[n, c])
                low = v - np.float64(np.float32(v))
                term[c] = weight * (low * low)
            _add_bits(bits, squares)


def whole_numbers(limbs: np.ndarray) -> list[int]:
    """(columns, LIMBS) -> each column's sum in units of 2^-1074."""
    return [sum(int(row[k]) << (32 * int(k)) for k in np.flatnonzero(row)) for row in limbs]
