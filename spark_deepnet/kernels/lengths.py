"""Rows that are sequences of different lengths, padded with zeros to the longest of their batch."""

from __future__ import annotations

from spark_deepnet.kernels.jit import kernel


@kernel
def zero_beyond(lengths, a):  # type: ignore[no-untyped-def]
    """a[n, t, j] = 0 for t >= lengths[n]"""
    for n in range(a.shape[0]):
        for t in range(lengths[n], a.shape[1]):
            for j in range(a.shape[2]):
                a[n, t, j] = 0
