"""Sequences in the order of recurrent layers: step by step, all rows of a step side by side.

x: (n, entries, f), a row's numbers together; steps: (steps, n, f), a step's numbers together. Step s of a row of length
L is its entry s, or its entry L - 1 - s where the order is reversed; the steps from L on are zeros.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spark_deepnet.kernels.jit import kernel


class Order(NamedTuple):
    """The lengths of the rows, (n,) int32, whether they are run backward, and whether only the last step's state is
    returned."""

    lengths: np.ndarray
    reverse: bool
    last: bool


@kernel
def entry(order, n, s):  # type: ignore[no-untyped-def]
    """The entry of row n that step s reads."""
    return order.lengths[n] - 1 - s if order.reverse else s


@kernel
def to_steps(x, order, steps):  # type: ignore[no-untyped-def]
    """steps[s, n] = x[n, entry of s], 0 from the row's length on"""
    zero = steps.dtype.type(0)
    for n in range(x.shape[0]):
        for s in range(steps.shape[0]):
            if s >= order.lengths[n]:
                steps[s, n] = zero
                continue
            t = entry(order, n, s)
            for j in range(x.shape[2]):
                steps[s, n, j] = x[n, t, j]


@kernel
def from_steps(steps, first, order, x):  # type: ignore[no-untyped-def]
    """x[n, entry of s] = steps[s - first, n] for the steps given, 0 from the row's length on"""
    zero = x.dtype.type(0)
    for n in range(x.shape[0]):
        for s in range(first, first + steps.shape[0]):
            if s >= order.lengths[n]:
                x[n, s] = zero
                continue
            t = entry(order, n, s)
            for j in range(x.shape[2]):
                x[n, t, j] = steps[s - first, n, j]


@kernel
def last_step(steps, order, y):  # type: ignore[no-untyped-def]
    """y[n] = the row's last step, 0 for a row of no steps"""
    zero = y.dtype.type(0)
    for n in range(y.shape[0]):
        if order.lengths[n] == 0:
            y[n] = zero
            continue
        s = order.lengths[n] - 1
        for j in range(y.shape[1]):
            y[n, j] = steps[s, n, j]


@kernel
def add_gradients(dy, order, s, dh):  # type: ignore[no-untyped-def]
    """dh[n] += dy[n, entry of s], or, if only the last step is returned, dy[n, 0] at that step"""
    for n in range(dh.shape[0]):
        if s >= order.lengths[n] or (order.last and s < order.lengths[n] - 1):
            continue
        t = 0 if order.last else entry(order, n, s)
        for j in range(dh.shape[1]):
            dh[n, j] += dy[n, t, j]


@kernel
def add_columns(d, total):  # type: ignore[no-untyped-def]
    """total[j] += sum_n d[n, j]"""
    for n in range(d.shape[0]):
        for j in range(d.shape[1]):
            total[j] += d[n, j]
